-- name: keep
INSERT INTO link_codes (workspace_id, code_hash, channel_id, contact_id, user_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: look_up
-- A code that still holds, locked: of two chats that open the same link at once, one gets it.
SELECT contact_id, user_id FROM link_codes
WHERE workspace_id = $1 AND channel_id = $2 AND code_hash = $3 AND used_at IS NULL AND expires_at > now()
FOR UPDATE

-- name: spend
UPDATE link_codes SET used_at = now(), used_by = $3 WHERE workspace_id = $1 AND code_hash = $2

-- name: prune
DELETE FROM link_codes WHERE expires_at < now() - interval '30 days'

-- name: add_point
INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING

-- name: is_mere_sender
-- Whether a contact is nothing but an address that wrote to us: made in the transaction of its first message (both have that
-- transaction's time), and given nothing since.
SELECT c.attributes = '{}'
   AND (SELECT count(*) FROM contact_points p WHERE p.workspace_id = $1 AND p.contact_id = c.id) = 1
   AND NOT EXISTS (SELECT FROM group_members g WHERE g.workspace_id = $1 AND g.contact_id = c.id)
   AND EXISTS (SELECT FROM messages m WHERE m.workspace_id = $1 AND m.contact_id = c.id AND m.direction = 'in' AND m.created_at = c.created_at)
FROM contacts c WHERE c.workspace_id = $1 AND c.id = $2
FOR UPDATE OF c

-- name: move_point
UPDATE contact_points SET contact_id = $4 WHERE workspace_id = $1 AND medium = $2 AND address = $3

-- name: note_inbound
-- One row for each channel and address of what came in, in an order in which no two transactions can wait for each other. A closed
-- conversation opens again. Arrays: workspaces, ids for new ones, channels, mediums, addresses, contacts, when each was written.
INSERT INTO conversations AS c (workspace_id, id, channel_id, medium, address, contact_id, unread, last_message_at, last_inbound_at)
SELECT workspace_id, (array_agg(id ORDER BY n))[1], channel_id, medium, address, (array_agg(contact_id ORDER BY n DESC))[1],
       count(*), greatest(max(at), now()), max(at)
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
     WITH ORDINALITY AS t (workspace_id, id, channel_id, medium, address, contact_id, at, n)
GROUP BY workspace_id, channel_id, medium, address
ORDER BY workspace_id, channel_id, address
ON CONFLICT (workspace_id, channel_id, address) DO UPDATE
SET state = 'open', unread = c.unread + excluded.unread, contact_id = excluded.contact_id,
    former_contacts = CASE WHEN c.contact_id IS NULL OR c.contact_id = excluded.contact_id THEN c.former_contacts
                           ELSE (c.contact_id || array_remove(c.former_contacts, c.contact_id))[1:20] END,
    last_message_at = greatest(c.last_message_at, excluded.last_message_at),
    last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at)
RETURNING workspace_id, channel_id, address, id

-- name: note_outbound
-- Those that exist; a message to somebody who never wrote makes none. Arrays: channels, addresses.
WITH written AS MATERIALIZED (
    SELECT c.id FROM conversations c
    WHERE c.workspace_id = $1
      AND (c.channel_id, c.address) IN (SELECT * FROM unnest($2::uuid[], $3::text[]))
    ORDER BY c.channel_id, c.address FOR UPDATE
)
UPDATE conversations c SET last_message_at = greatest(c.last_message_at, now()) FROM written w WHERE c.workspace_id = $1 AND c.id = w.id

-- name: last_inbound
-- When the person behind each of these (workspaces, channels, addresses) wrote last.
SELECT c.channel_id, c.address, c.last_inbound_at FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t (workspace_id, channel_id, address)
JOIN conversations c ON c.workspace_id = t.workspace_id AND c.channel_id = t.channel_id AND c.address = t.address
WHERE c.last_inbound_at IS NOT NULL

-- name: move_contact
-- A contact that was nothing but an address has become another's: its messages and conversations with it.
WITH moved AS (
    UPDATE messages SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2
)
UPDATE conversations SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2

-- name: link_owner
UPDATE channels SET owner_address = $4, owner_linked_at = now(), updated_at = now()
WHERE workspace_id = $1 AND id = $2 AND owner_id = $3 AND deleted_at IS NULL RETURNING id

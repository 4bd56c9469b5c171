-- name: add
INSERT INTO groups (workspace_id, id, name, description, created_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, lower(name)) DO NOTHING RETURNING id

-- name: one
SELECT id, name, description, contact_count, created_by, created_at, updated_at FROM groups WHERE workspace_id = $1 AND id = $2

-- name: by_name
SELECT id, name, description, contact_count, created_by, created_at, updated_at FROM groups WHERE workspace_id = $1 AND lower(name) = lower($2)

-- name: page
-- In the order of names, after ($2, $3); $4 a fragment of the name as a LIKE pattern, or NULL.
SELECT id, name, description, contact_count, created_by, created_at, updated_at, lower(name) AS key FROM groups
WHERE workspace_id = $1 AND (lower(name), id) > ($2, $3) AND ($4::text IS NULL OR plain_text(name) LIKE '%' || plain_text($4) || '%')
ORDER BY lower(name), id LIMIT $5

-- name: change
UPDATE groups SET name = $3, description = $4, updated_at = now() WHERE workspace_id = $1 AND id = $2

-- name: remove
DELETE FROM groups WHERE workspace_id = $1 AND id = $2

-- name: add_contacts
-- Those of the contacts that exist and are not in the group yet.
INSERT INTO group_members (workspace_id, group_id, contact_id)
SELECT $1, $2, c.id FROM contacts c WHERE c.workspace_id = $1 AND c.id = ANY ($3::uuid[])
ON CONFLICT DO NOTHING

-- name: remove_contacts
DELETE FROM group_members WHERE workspace_id = $1 AND group_id = $2 AND contact_id = ANY ($3::uuid[])

-- name: unknown_contacts
SELECT wanted.id FROM unnest($2::uuid[]) AS wanted(id)
WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.workspace_id = $1 AND c.id = wanted.id) ORDER BY 1 LIMIT 20

-- name: contacts
-- The contacts $2 in the order they are asked for, each with its addresses and whether they are opted out.
SELECT c.id, c.name, c.locale, c.timezone, c.attributes::text, c.created_at, c.updated_at,
       p.id AS point_id, p.medium, p.address, o.created_at AS opted_out_at, o.source AS opt_out_source
FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted(id, place)
JOIN contacts c ON c.workspace_id = $1 AND c.id = wanted.id
LEFT JOIN contact_points p ON p.workspace_id = $1 AND p.contact_id = c.id
LEFT JOIN opt_outs o ON o.workspace_id = $1 AND o.medium = p.medium AND o.address = p.address
ORDER BY wanted.place, p.id

-- name: groups_of
SELECT g.id, g.name FROM group_members m JOIN groups g ON g.workspace_id = $1 AND g.id = m.group_id
WHERE m.workspace_id = $1 AND m.contact_id = $2 ORDER BY lower(g.name)

-- name: holders
-- Who has the addresses $2 (media) and $3.
SELECT p.medium, p.address, p.contact_id, c.name FROM unnest($2::text[], $3::text[]) AS wanted(medium, address)
JOIN contact_points p ON p.workspace_id = $1 AND p.medium = wanted.medium AND p.address = wanted.address
JOIN contacts c ON c.workspace_id = $1 AND c.id = p.contact_id

-- name: add_contacts
-- New contacts with their addresses, all in arrays: $2 contact ids, names, locales, timezones, attributes; $7 point ids, their contacts,
-- media, addresses. An address that somebody took in between is an error of the unique index.
WITH made AS (
    INSERT INTO contacts (workspace_id, id, name, locale, timezone, attributes)
    SELECT $1, n.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) AS n
)
INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
SELECT $1, n.* FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::text[]) AS n

-- name: change
UPDATE contacts SET name = $3, locale = $4, timezone = $5, attributes = $6, updated_at = now() WHERE workspace_id = $1 AND id = $2

-- name: lock
SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 FOR UPDATE

-- name: remove
DELETE FROM contacts WHERE workspace_id = $1 AND id = $2

-- name: add_point
INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, $4, $5)

-- name: move_point
UPDATE contact_points SET address = $3 WHERE workspace_id = $1 AND id = $2

-- name: remove_point
DELETE FROM contact_points WHERE workspace_id = $1 AND id = $2

-- name: find_by_address
SELECT contact_id FROM contact_points WHERE workspace_id = $1 AND medium = $2 AND address = $3

-- name: find_by_addresses
-- Whose the addresses are that are anybody's. Arrays: workspaces, media, addresses. Each by its key (OFFSET 0): the plan is made once.
SELECT wanted.*, p.contact_id, p.nameless
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (workspace_id, medium, address)
CROSS JOIN LATERAL (
    SELECT p.contact_id, (SELECT c.name = '' FROM contacts c WHERE c.workspace_id = p.workspace_id AND c.id = p.contact_id) AS nameless
    FROM contact_points p
    WHERE p.workspace_id = wanted.workspace_id AND p.medium = wanted.medium AND p.address = wanted.address OFFSET 0
) p

-- name: create_by_addresses
-- A contact for each address that is nobody's. Arrays in the order in which all writers take addresses: workspaces, media, addresses; ids
-- of points and of contacts, names, timezones. Foreign keys are checked at the end of the statement, so that of two at once one makes a
-- contact and the other makes nothing.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[]) WITH ORDINALITY
        AS t (workspace_id, medium, address, point_id, contact_id, name, timezone, n)
), point AS (
    INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
    SELECT workspace_id, point_id, contact_id, medium, address FROM wanted ORDER BY n
    ON CONFLICT DO NOTHING RETURNING workspace_id, contact_id, medium, address
), made AS (
    INSERT INTO contacts (workspace_id, id, name, timezone, search_text)
    SELECT p.workspace_id, p.contact_id, w.name, w.timezone, plain_text(w.name) || E'\n' || plain_text(p.address)
    FROM point p JOIN wanted w ON w.contact_id = p.contact_id
)
SELECT workspace_id, medium, address, contact_id FROM point

-- name: count
SELECT coalesce(sum(n), 0) FROM contact_counts WHERE workspace_id = $1

-- name: name_nameless
-- Arrays: workspaces, contacts in order, names.
WITH nameless AS MATERIALIZED (
    SELECT c.workspace_id, c.id, t.name FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t (workspace_id, id, name)
    JOIN contacts c ON c.workspace_id = t.workspace_id AND c.id = t.id
    WHERE c.name = '' ORDER BY c.workspace_id, c.id FOR UPDATE OF c
)
UPDATE contacts c SET name = n.name FROM nameless n WHERE c.workspace_id = n.workspace_id AND c.id = n.id

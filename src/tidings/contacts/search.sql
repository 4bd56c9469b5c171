-- Filters that come back in these statements, all with $1 workspace: a group or NULL; opted out, not opted out, or NULL for either.
-- `OFFSET 0` keeps the planner from hashing every opt-out and member of the workspace to ask about the few contacts of a page.

-- name: plain
SELECT plain_text($1::text)

-- name: by_name
-- Contacts whose name begins with $2, in the order of names, after ($3, $4): at first ($2, nil), or the index is read from its beginning.
-- $5 group, $6 opted out, $7 quantity.
SELECT c.id, c.search_text AS key FROM contacts c
WHERE c.workspace_id = $1 AND c.search_text >= $2 AND c.search_text < $2 || chr(1114111)
  AND (c.search_text, c.id) > ($3 COLLATE "C", $4)
  AND ($5::uuid IS NULL OR EXISTS (SELECT FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = $5 AND m.contact_id = c.id OFFSET 0))
  AND ($6::boolean IS NULL OR $6 = EXISTS (SELECT FROM contact_points p JOIN opt_outs o USING (workspace_id, medium, address)
                                           WHERE p.workspace_id = $1 AND p.contact_id = c.id OFFSET 0))
ORDER BY c.search_text, c.id LIMIT $7

-- name: by_number
-- Contacts with a number that begins with $2, in the order of numbers, after ($3, $4), without those whose search text is LIKE any of $8:
-- they came before. $5 to $7 as above. Of two such numbers of one contact only the lower counts.
SELECT n.contact_id AS id, n.address AS key
FROM unnest('{sms,whatsapp}'::text[]) AS m(medium) CROSS JOIN LATERAL (
    SELECT p.contact_id, p.address FROM contact_points p
    WHERE p.workspace_id = $1 AND p.medium = m.medium AND p.address >= $2 AND p.address < $2 || chr(1114111)
      AND (p.address, p.contact_id) > ($3 COLLATE "C", $4)
      AND EXISTS (SELECT FROM contacts c WHERE c.workspace_id = $1 AND c.id = p.contact_id AND c.search_text NOT LIKE ALL ($8::text[]))
      AND NOT EXISTS (SELECT FROM contact_points q
                      WHERE q.workspace_id = $1 AND q.contact_id = p.contact_id AND q.address >= $2 AND q.address < $2 || chr(1114111)
                        AND (q.address, q.medium) < (p.address, m.medium) AND q.medium IN ('sms', 'whatsapp'))
      AND ($5::uuid IS NULL
           OR EXISTS (SELECT FROM group_members g WHERE g.workspace_id = $1 AND g.group_id = $5 AND g.contact_id = p.contact_id OFFSET 0))
      AND ($6::boolean IS NULL OR $6 = EXISTS (SELECT FROM contact_points q JOIN opt_outs o USING (workspace_id, medium, address)
                                               WHERE q.workspace_id = $1 AND q.contact_id = p.contact_id OFFSET 0))
    ORDER BY p.address LIMIT $7
) AS n
ORDER BY n.address, n.contact_id LIMIT $7

-- name: newest
-- Of the newest contacts before $2, $3 of them at most: those whose search text is LIKE all of $4 and not LIKE any of $5.
-- A frequent fragment fills its page here, after a few hundred rows. $6 group, $7 opted out, $8 quantity.
SELECT c.id FROM (
    SELECT id, search_text FROM contacts WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
) AS c
WHERE c.search_text LIKE ALL ($4::text[]) AND c.search_text NOT LIKE ALL ($5::text[])
  AND ($6::uuid IS NULL OR EXISTS (SELECT FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = $6 AND m.contact_id = c.id OFFSET 0))
  AND ($7::boolean IS NULL OR $7 = EXISTS (SELECT FROM contact_points p JOIN opt_outs o USING (workspace_id, medium, address)
                                           WHERE p.workspace_id = $1 AND p.contact_id = c.id OFFSET 0))
ORDER BY c.id DESC LIMIT $8

-- name: by_tokens
-- A rare one is found by its letters; see search_contacts() in the schema.
SELECT search_contacts($1, $2, $3, $4, $5, $6, $7) AS id

-- name: group_size
SELECT contact_count FROM groups WHERE workspace_id = $1 AND id = $2

-- name: members
-- Members of group $5 before $2, newest first: those whose search text is LIKE all of $3 or LIKE any of $4. $6 opted out, $7 quantity.
SELECT c.id FROM group_members m
JOIN contacts c ON c.workspace_id = $1 AND c.id = m.contact_id
WHERE m.workspace_id = $1 AND m.group_id = $5 AND m.contact_id < $2
  AND (c.search_text LIKE ALL ($3::text[]) OR c.search_text LIKE ANY ($4::text[]))
  AND ($6::boolean IS NULL OR $6 = EXISTS (SELECT FROM contact_points p JOIN opt_outs o USING (workspace_id, medium, address)
                                           WHERE p.workspace_id = $1 AND p.contact_id = c.id OFFSET 0))
ORDER BY m.contact_id DESC LIMIT $7

-- name: opted_out
-- Contacts before $2 who opted out of anything, matched as above, of group $5 or of all. They are few, so all are gone through.
WITH hits AS MATERIALIZED (
    SELECT DISTINCT p.contact_id FROM opt_outs o
    CROSS JOIN LATERAL (SELECT q.contact_id FROM contact_points q
                        WHERE q.workspace_id = $1 AND q.medium = o.medium AND q.address = o.address OFFSET 0) AS p
    WHERE o.workspace_id = $1 AND p.contact_id < $2
), matching AS MATERIALIZED (
    SELECT hits.contact_id AS id FROM hits
    WHERE EXISTS (SELECT FROM contacts c WHERE c.workspace_id = $1 AND c.id = hits.contact_id
                  AND (c.search_text LIKE ALL ($3::text[]) OR c.search_text LIKE ANY ($4::text[])) OFFSET 0)
      AND ($5::uuid IS NULL
           OR EXISTS (SELECT FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = $5 AND m.contact_id = hits.contact_id OFFSET 0))
)
SELECT id FROM matching ORDER BY id DESC LIMIT $6

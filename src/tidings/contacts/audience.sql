-- name: audience_page
-- The next contact points of an audience, each once, in the order of their ids. $1 workspace, $2 medium, $3 everybody?,
-- $4 groups, $5 contacts, $6 the last contact point of the page before (the nil UUID at first), $7 how many at most.
-- Opted-out points are in it: the ledger accounts for them as suppressed.
-- Two ways, of which the one-time conditions run exactly one. A large audience is found by walking the workspace's points in order and
-- asking of each whether it belongs: every page is as cheap as the first. A small one (50,000 group members or fewer) starts
-- from its members: a walk over a million points for a hundred recipients would take seconds.
WITH size AS MATERIALIZED (
    SELECT $3::boolean OR coalesce(sum(g.contact_count), 0) > 50000 AS is_large
    FROM groups g WHERE g.workspace_id = $1 AND g.id = ANY($4::uuid[])
), page AS (
    (SELECT p.id, p.contact_id, p.address
     FROM contact_points p
     WHERE (SELECT is_large FROM size)
       AND p.workspace_id = $1 AND p.medium = $2 AND p.id > $6
       AND ($3 OR p.contact_id = ANY($5::uuid[])
            OR EXISTS (SELECT FROM group_members m
                       WHERE m.workspace_id = $1 AND m.group_id = ANY($4::uuid[]) AND m.contact_id = p.contact_id))
     ORDER BY p.id LIMIT $7)
    UNION ALL
    (SELECT p.id, p.contact_id, p.address
     FROM (SELECT m.contact_id FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = ANY($4::uuid[])
           UNION
           SELECT unnest($5::uuid[])) AS wanted
     JOIN contact_points p ON p.workspace_id = $1 AND p.contact_id = wanted.contact_id
     WHERE NOT (SELECT is_large FROM size)
       AND p.medium = $2 AND p.id > $6
     ORDER BY p.id LIMIT $7)
)
SELECT page.id AS contact_point_id, page.contact_id, page.address, c.name, c.locale, c.timezone, c.attributes
FROM page JOIN contacts c ON c.workspace_id = $1 AND c.id = page.contact_id
ORDER BY page.id

-- name: contact_page
-- The same by contacts, for a campaign that chooses the medium for each. $1 workspace, $2 everybody?, $3 groups, $4 contacts, $5 the last
-- contact of the page before (the nil UUID at first), $6 how many at most. In the same two ways.
WITH size AS MATERIALIZED (
    SELECT $2::boolean OR coalesce(sum(g.contact_count), 0) > 50000 AS is_large
    FROM groups g WHERE g.workspace_id = $1 AND g.id = ANY($3::uuid[])
), page AS (
    (SELECT c.id
     FROM contacts c
     WHERE (SELECT is_large FROM size)
       AND c.workspace_id = $1 AND c.id > $5
       AND ($2 OR c.id = ANY($4::uuid[])
            OR EXISTS (SELECT FROM group_members m
                       WHERE m.workspace_id = $1 AND m.group_id = ANY($3::uuid[]) AND m.contact_id = c.id))
     ORDER BY c.id LIMIT $6)
    UNION ALL
    (SELECT c.id
     FROM (SELECT m.contact_id FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = ANY($3::uuid[])
           UNION
           SELECT unnest($4::uuid[])) AS wanted
     JOIN contacts c ON c.workspace_id = $1 AND c.id = wanted.contact_id
     WHERE NOT (SELECT is_large FROM size) AND c.id > $5
     ORDER BY c.id LIMIT $6)
)
SELECT c.id AS contact_id, c.name, c.locale, c.timezone, c.attributes
FROM page JOIN contacts c ON c.workspace_id = $1 AND c.id = page.id
ORDER BY c.id

-- name: count_everybody
-- What a campaign to everybody would meet. $1 workspace, $2 medium. One walk along an index, in the order of contacts; how many contacts
-- there are in all is known (contact_counts) and need not be counted.
WITH points AS (
    SELECT coalesce(sum(n), 0) AS addresses, count(*) AS contacts
    FROM (SELECT count(*) AS n FROM contact_points p WHERE p.workspace_id = $1 AND p.medium = $2 GROUP BY p.contact_id) AS of_contact
)
SELECT points.addresses::bigint AS recipients,
       (SELECT count(*) FROM opt_outs o WHERE o.workspace_id = $1 AND o.medium = $2
           AND EXISTS (SELECT FROM contact_points p
                       WHERE p.workspace_id = $1 AND p.medium = $2 AND p.address = o.address OFFSET 0)) AS opted_out,
       greatest((SELECT coalesce(sum(n), 0) FROM contact_counts WHERE workspace_id = $1) - points.contacts, 0)::bigint AS without_address
FROM points

-- name: count_chosen
-- What a campaign to groups ($3) and contacts ($4) would meet. $1 workspace, $2 medium.
WITH wanted AS (
    SELECT m.contact_id FROM group_members m WHERE m.workspace_id = $1 AND m.group_id = ANY($3::uuid[])
    UNION
    SELECT c.id FROM contacts c WHERE c.workspace_id = $1 AND c.id = ANY($4::uuid[])
)
SELECT count(p.id) AS recipients,
       count(o.address) AS opted_out,
       count(*) FILTER (WHERE p.id IS NULL) AS without_address
FROM wanted
LEFT JOIN contact_points p ON p.workspace_id = $1 AND p.contact_id = wanted.contact_id AND p.medium = $2
LEFT JOIN opt_outs o ON o.workspace_id = $1 AND o.medium = $2 AND o.address = p.address

-- name: unknown_groups
SELECT wanted.id FROM unnest($2::uuid[]) AS wanted(id)
WHERE NOT EXISTS (SELECT FROM groups g WHERE g.workspace_id = $1 AND g.id = wanted.id) LIMIT 20

-- name: unknown_contacts
SELECT wanted.id FROM unnest($2::uuid[]) AS wanted(id)
WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.workspace_id = $1 AND c.id = wanted.id) LIMIT 20

-- name: write_page
-- One page of the audience becomes messages, and the campaign moves on by it, in one statement: a crash repeats nothing and skips
-- nothing. Only the values that the text uses are frozen with each message.
--   $1..$7 as in contacts/audience.sql (workspace, medium, all, groups, contacts, after, limit)
--   $8 campaign, $9 channel, $10 delivery, $11 validity (interval or null), $12 names the text uses
WITH audience AS MATERIALIZED (
    {audience}
), written AS (
    INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, variables, delivery, priority,
                          status, due_at, expires_at)
    SELECT $1, {new_id}, $8, a.contact_id, $9, $2, a.address,
           CASE WHEN cardinality($12::text[]) > 0 THEN (
               -- Only what the text uses is looked up: to make the whole object and cut it down takes three times as long.
               SELECT coalesce(jsonb_object_agg(used.name, known.value), '{{}}')
               FROM unnest($12::text[]) AS used (name)
               CROSS JOIN LATERAL (SELECT jsonb_strip_nulls(coalesce(a.attributes -> used.name, to_jsonb(CASE used.name
                   WHEN 'name' THEN nullif(a.name, '') WHEN 'first_name' THEN nullif(split_part(a.name, ' ', 1), '')
                   WHEN 'last_name' THEN nullif(substring(a.name FROM ' (.*)$'), '') WHEN 'phone' THEN a.address
                   WHEN 'locale' THEN a.locale WHEN 'timezone' THEN a.timezone END)))) AS known (value)
               WHERE known.value <> 'null'
           ) END,
           $10, 2, 'queued', now(), now() + $11::interval
    FROM audience a
    RETURNING 1
), counted AS (
    SELECT (SELECT count(*) FROM written)::int AS n, (SELECT contact_point_id FROM audience ORDER BY 1 DESC LIMIT 1) AS last
)
UPDATE campaigns c SET accepted = c.accepted + counted.n, fanned_out_to = coalesce(counted.last, c.fanned_out_to)
FROM counted WHERE c.workspace_id = $1 AND c.id = $8
RETURNING counted.n

-- name: way
-- By which step of a route (`step`) a contact (`w`) is written to: the first that has an address of theirs.
SELECT s.position, s.channel_id, s.medium, s.seconds, point.address,
       NOT s.up AS down, s.medium IS DISTINCT FROM w.attributes ->> 'preferred_medium' AS other,
       s.open_for IS NOT NULL AND NOT EXISTS (
           SELECT FROM conversations v WHERE v.workspace_id = $1 AND v.channel_id = s.channel_id AND v.address = point.address
             AND v.last_inbound_at > now() - s.open_for) AS closed
FROM step s CROSS JOIN LATERAL (
    SELECT p.address FROM contact_points p
    WHERE p.workspace_id = $1 AND p.contact_id = w.contact_id AND p.medium = s.medium ORDER BY p.id LIMIT 1
) point
ORDER BY closed, down, other, s.position LIMIT 1

-- name: write_route_page
-- The same for a campaign that goes by a route, by pages of contacts: each is written to once, by the first step that has an address of
-- theirs, the medium they prefer before the others. Whoever has none for any step is not in the audience, as with a channel.
--   $1..$6 as in contacts/audience.sql (workspace, all, groups, contacts, after, limit)
--   $7 campaign, $8 delivery, $9 validity (interval or null), $10 names the text uses, $11 route
--   $12.. one array a column of its steps: position, channel, medium, seconds in which it has to be sent (null: no matter), works?,
--   window (how long after a person's own message it takes what this campaign says; null: always)
-- A channel that rests or is stopped is taken only for those whom no other reaches: what goes by it waits. One whose window is closed is
-- the very last: what goes by it ends as template_required unless the person writes before.
WITH step AS MATERIALIZED (
    SELECT * FROM unnest($12::smallint[], $13::uuid[], $14::text[], $15::integer[], $16::boolean[], $17::interval[])
        AS s (position, channel_id, medium, seconds, up, open_for)
), who AS MATERIALIZED (
    {contacts}
), audience AS MATERIALIZED (
    SELECT w.*, way.*, (
        SELECT jsonb_agg(jsonb_build_object('channel', s.channel_id, 'reason', CASE WHEN EXISTS (
            SELECT FROM contact_points p WHERE p.workspace_id = $1 AND p.contact_id = w.contact_id AND p.medium = s.medium
        ) THEN 'template_required' ELSE 'no_address' END) ORDER BY s.position) FROM step s
        WHERE (NOT s.up, s.medium IS DISTINCT FROM w.attributes ->> 'preferred_medium', s.position) < (way.down, way.other, way.position)
    ) AS skipped
    FROM who w CROSS JOIN LATERAL (
        {way}
    ) way
), written AS (
    INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, variables, delivery, priority,
                          status, due_at, expires_at, route_id, route_step, skipped)
    SELECT $1, {new_id}, $7, a.contact_id, a.channel_id, a.medium, a.address,
           CASE WHEN cardinality($10::text[]) > 0 THEN (
               SELECT coalesce(jsonb_object_agg(used.name, known.value), '{{}}')
               FROM unnest($10::text[]) AS used (name)
               CROSS JOIN LATERAL (SELECT jsonb_strip_nulls(coalesce(a.attributes -> used.name, to_jsonb(CASE used.name
                   WHEN 'name' THEN nullif(a.name, '') WHEN 'first_name' THEN nullif(split_part(a.name, ' ', 1), '')
                   WHEN 'last_name' THEN nullif(substring(a.name FROM ' (.*)$'), '') WHEN 'phone' THEN a.address
                   WHEN 'locale' THEN a.locale WHEN 'timezone' THEN a.timezone END)))) AS known (value)
               WHERE known.value <> 'null'
           ) END,
           $8, 2, 'queued', now(), now() + $9::interval, $11, a.position, a.skipped
    FROM audience a
    RETURNING id, source_id, due_at, channel_id
), awaited AS (
    INSERT INTO fallbacks (workspace_id, message_id, source_id, due_at)
    SELECT $1, w.id, w.source_id, w.due_at + make_interval(secs => s.seconds)
    FROM written w JOIN step s ON s.channel_id = w.channel_id WHERE s.seconds IS NOT NULL
), counted AS (
    SELECT (SELECT count(*) FROM written)::int AS n, (SELECT count(*) FROM who)::int AS looked_at,
           (SELECT contact_id FROM who ORDER BY 1 DESC LIMIT 1) AS last
)
UPDATE campaigns c SET accepted = c.accepted + counted.n, fanned_out_to = coalesce(counted.last, c.fanned_out_to)
FROM counted WHERE c.workspace_id = $1 AND c.id = $7
RETURNING counted.looked_at

-- name: count_route
-- What a campaign by a route would meet, for each step that anybody begins at; the one without a channel is of those whom none reaches.
--   $1..$6 as in contacts/audience.sql (workspace, all, groups, contacts, after, limit)
--   $7.. one array a column of the steps: position, channel, medium, works?, window
WITH step AS MATERIALIZED (
    SELECT s.*, NULL::integer AS seconds
    FROM unnest($7::smallint[], $8::uuid[], $9::text[], $10::boolean[], $11::interval[]) AS s (position, channel_id, medium, up, open_for)
), who AS MATERIALIZED (
    {contacts}
)
SELECT way.channel_id, way.medium, count(*) AS recipients, count(o.address) AS opted_out
FROM who w LEFT JOIN LATERAL (
    {way}
) way ON true
LEFT JOIN opt_outs o ON o.workspace_id = $1 AND o.medium = way.medium AND o.address = way.address
GROUP BY 1, 2 ORDER BY min(way.position)

-- name: route_sample
-- The first of those recipients, with their addresses. Parameters as above.
WITH step AS MATERIALIZED (
    SELECT s.*, NULL::integer AS seconds
    FROM unnest($7::smallint[], $8::uuid[], $9::text[], $10::boolean[], $11::interval[]) AS s (position, channel_id, medium, up, open_for)
), who AS MATERIALIZED (
    {contacts}
)
SELECT w.*, way.address, way.medium FROM who w CROSS JOIN LATERAL (
    {way}
) way
ORDER BY w.contact_id

-- name: write_resend_page
-- The same for a campaign that goes to those of an earlier one who ended in some of the given states, with the values frozen then.
-- Whoever has been sent to again already is left out. Those of a route go by the channel that was tried last.
--   $1 workspace, $2 earlier campaign, $3 statuses, $4 after, $5 limit, $6 campaign, $7 channel, $8 delivery, $9 validity
WITH audience AS MATERIALIZED (
    SELECT id, contact_id, medium, address, variables, CASE WHEN route_id IS NULL THEN $7 ELSE channel_id END AS channel_id FROM messages
    WHERE workspace_id = $1 AND campaign_id = $2 AND status = ANY ($3::text[]) AND id > $4 AND NOT superseded
      AND (route_id IS NULL OR EXISTS (SELECT FROM channels c WHERE c.workspace_id = $1 AND c.id = messages.channel_id AND c.deleted_at IS NULL))
      AND NOT EXISTS (SELECT FROM messages r WHERE r.workspace_id = $1 AND r.resend_of = messages.id
                      AND r.status NOT IN ('cancelled', 'expired'))
    ORDER BY id LIMIT $5
), written AS (
    INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, variables, delivery, priority,
                          status, due_at, expires_at, resend_of, possible_duplicate)
    SELECT $1, {new_id}, $6, a.contact_id, a.channel_id, a.medium, a.address, a.variables, $8, 2, 'queued', now(), now() + $9::interval, a.id,
           m.status = 'unknown'
    FROM audience a JOIN messages m ON m.workspace_id = $1 AND m.id = a.id
    RETURNING 1
), counted AS (
    SELECT (SELECT count(*) FROM written)::int AS n, (SELECT id FROM audience ORDER BY 1 DESC LIMIT 1) AS last
)
UPDATE campaigns c SET accepted = c.accepted + counted.n, fanned_out_to = coalesce(counted.last, c.fanned_out_to)
FROM counted WHERE c.workspace_id = $1 AND c.id = $6
RETURNING counted.n

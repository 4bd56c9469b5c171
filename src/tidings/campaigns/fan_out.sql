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
    SELECT $1, new_id(), $8, a.contact_id, $9, $2, a.address,
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

-- name: write_resend_page
-- The same for a campaign that goes to those of an earlier one who ended in some of the given states, with the values frozen then.
-- Whoever has been sent to again already is left out.
--   $1 workspace, $2 earlier campaign, $3 statuses, $4 after, $5 limit, $6 campaign, $7 channel, $8 delivery, $9 validity
WITH audience AS MATERIALIZED (
    SELECT id, contact_id, medium, address, variables FROM messages
    WHERE workspace_id = $1 AND campaign_id = $2 AND status = ANY ($3::text[]) AND id > $4
      AND NOT EXISTS (SELECT FROM messages r WHERE r.workspace_id = $1 AND r.resend_of = messages.id
                      AND r.status NOT IN ('cancelled', 'expired'))
    ORDER BY id LIMIT $5
), written AS (
    INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, variables, delivery, priority,
                          status, due_at, expires_at, resend_of, possible_duplicate)
    SELECT $1, new_id(), $6, a.contact_id, $7, a.medium, a.address, a.variables, $8, 2, 'queued', now(), now() + $9::interval, a.id,
           m.status = 'unknown'
    FROM audience a JOIN messages m ON m.workspace_id = $1 AND m.id = a.id
    RETURNING 1
), counted AS (
    SELECT (SELECT count(*) FROM written)::int AS n, (SELECT id FROM audience ORDER BY 1 DESC LIMIT 1) AS last
)
UPDATE campaigns c SET accepted = c.accepted + counted.n, fanned_out_to = coalesce(counted.last, c.fanned_out_to)
FROM counted WHERE c.workspace_id = $1 AND c.id = $6
RETURNING counted.n

-- The claim of channels that have a pace for each recipient, or a cap on any 24 hours. All of it runs in one transaction that holds the
-- channel's row of channel_pace, so that what one worker reserves the next one sees. Channels without such limits never come here.

-- name: due
-- What a plain claim would take (claim.sql), locked and looked at instead of taken, in order, with what is known of each recipient.
--   $1 channel, $2 workspace, $3 how many to look at, $4 how far back the rules look, $5 whether recipients are counted by the day
WITH source AS (
    SELECT s.priority, s.source_id FROM waiting_sources($1) s
    WHERE NOT EXISTS (SELECT FROM delivery_holds h WHERE h.workspace_id = $2 AND h.source_id = s.source_id)
), candidate AS (
    SELECT c.id, s.priority, c.due_at, row_number() OVER (PARTITION BY s.priority, s.source_id ORDER BY c.due_at, c.id) AS turn
    FROM source s CROSS JOIN LATERAL (
        SELECT m.id, m.due_at
        FROM messages m
        WHERE m.channel_id = $1 AND m.waiting AND m.status IN ('scheduled', 'queued') AND m.priority = s.priority
          AND m.source_id = s.source_id AND m.due_at <= now()
        ORDER BY m.due_at, m.id LIMIT $3
    ) c
), chosen AS MATERIALIZED (
    SELECT id, row_number() OVER (ORDER BY priority, turn, due_at, id) AS place FROM candidate ORDER BY priority, turn, due_at, id LIMIT $3
), locked AS MATERIALIZED (
    SELECT m.id, c.place, m.address, m.expires_at <= now() AS expired,
           NOT m.is_confirmation AND EXISTS (
               SELECT FROM opt_outs o WHERE o.workspace_id = $2 AND o.medium = m.medium AND o.address = m.address
           ) AS opted_out
    FROM chosen c JOIN messages m ON m.id = c.id
    WHERE m.workspace_id = $2 AND m.id = ANY (ARRAY(SELECT id FROM chosen)) AND m.status IN ('scheduled', 'queued')
    FOR UPDATE OF m SKIP LOCKED
)
SELECT l.id, l.address, l.expired, l.opted_out, sent.messages, sent.attempts, sent.at, held.until AS held_until,
       $5 AND EXISTS (
           SELECT FROM channel_day_recipients d
           WHERE d.workspace_id = $2 AND d.channel_id = $1 AND d.address = l.address AND d.at > now() - interval '24 hours'
       ) AS counted
FROM locked l
CROSS JOIN LATERAL (
    SELECT array_agg(p.message_id) AS messages, array_agg(p.attempt) AS attempts, array_agg(p.at) AS at
    FROM recipient_pace p
    WHERE p.workspace_id = $2 AND p.channel_id = $1 AND p.address = l.address AND p.at > now() - $4::interval
) sent
LEFT JOIN recipient_holds held ON held.workspace_id = $2 AND held.channel_id = $1 AND held.address = l.address
ORDER BY l.place

-- name: take
-- Marks the chosen ones, as claim.sql does, and notes whom they go to.
--   $1 channel, $2 workspace, $3 ids, $4 what becomes of each, $5 whether recipients have a pace, $6 until when all have begun,
--   $7 the claim's id
WITH taken AS (
    UPDATE messages m
    SET status = t.status,
        suppression = CASE WHEN t.status = 'suppressed' THEN 'opted_out' END,
        attempt = m.attempt + (t.status = 'sending')::int,
        claimed_at = now(),
        settled_at = CASE WHEN t.status <> 'sending' THEN now() END
    FROM unnest($3::uuid[], $4::text[]) AS t (id, status)
    WHERE m.workspace_id = $2 AND m.id = ANY ($3::uuid[]) AND m.id = t.id AND m.status IN ('scheduled', 'queued')
    RETURNING m.id, m.status, m.source_id, m.address, m.text, m.variables, m.delivery, m.attempt, m.failures, m.content::text, m.priority
), noted AS (
    INSERT INTO recipient_pace (workspace_id, channel_id, address, message_id, attempt, at)
    SELECT $2, $1, address, id, attempt, $6::timestamptz FROM taken WHERE status = 'sending' AND $5
    ON CONFLICT (workspace_id, channel_id, address, message_id, attempt) DO UPDATE SET at = excluded.at
), to_look_for AS (
    INSERT INTO claims (workspace_id, channel_id, id, message_ids)
    SELECT $2, $1, $7, array_agg(id) FROM taken WHERE status = 'sending' HAVING count(*) > 0
)
SELECT * FROM taken

-- name: put_off
-- Their recipients must wait; it is no attempt, and costs none. Those whose validity ends sooner are looked at then, to end in time.
--   $1 workspace, $2 ids, $3 until when
UPDATE messages m SET due_at = least(w.until, m.expires_at)
FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, until)
WHERE m.workspace_id = $1 AND m.id = ANY ($2::uuid[]) AND m.id = w.id AND m.status IN ('scheduled', 'queued')

-- name: day
-- The places taken in the last 24 hours.
SELECT at, n FROM channel_day WHERE workspace_id = $1 AND channel_id = $2 AND at > now() - interval '24 hours' AND n <> 0

-- name: take_places
-- Messages: so many more under this moment.
INSERT INTO channel_day (workspace_id, channel_id, at, n) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, channel_id, at) DO UPDATE SET n = channel_day.n + excluded.n

-- name: take_recipient_places
-- Recipients: each moves from the moment of its last message to this one, or takes a place.
--   $1 workspace, $2 channel, $3 moment, $4 addresses
WITH person AS (
    SELECT DISTINCT address FROM unnest($4::text[]) AS a (address)
), before AS (
    SELECT d.at FROM person p JOIN channel_day_recipients d ON d.workspace_id = $1 AND d.channel_id = $2 AND d.address = p.address
), written AS (
    INSERT INTO channel_day_recipients (workspace_id, channel_id, address, at) SELECT $1, $2, address, $3 FROM person
    ON CONFLICT (workspace_id, channel_id, address) DO UPDATE SET at = excluded.at
)
INSERT INTO channel_day (workspace_id, channel_id, at, n)
SELECT $1, $2, at, sum(n) FROM (
    SELECT at, -count(*) AS n FROM before WHERE at > now() - interval '24 hours' GROUP BY at
    UNION ALL
    SELECT $3, count(*) FROM person
) moved GROUP BY at HAVING sum(n) <> 0
ON CONFLICT (workspace_id, channel_id, at) DO UPDATE SET n = channel_day.n + excluded.n

-- name: give_back
-- Places of messages that certainly never reached the provider.
--   $1 workspace, $2 channel, $3 moments, $4 how many of each
UPDATE channel_day d SET n = d.n - b.n
FROM unnest($3::timestamptz[], $4::int[]) AS b (at, n)
WHERE d.workspace_id = $1 AND d.channel_id = $2 AND d.at = b.at

-- name: ended
-- What became of the reservations of a turn: those whose time is over are gone, the others count from when their request ended.
--   $1 workspace, $2 channel, then addresses, messages, attempts, ages of their end in seconds, whether it is over; $8 the longest rule
WITH told AS (
    SELECT * FROM unnest($3::text[], $4::uuid[], $5::smallint[], $6::float8[], $7::boolean[])
        AS t (address, message_id, attempt, age, is_over)
), pruned AS (
    DELETE FROM recipient_pace p USING told t
    WHERE t.is_over AND p.workspace_id = $1 AND p.channel_id = $2 AND p.address = t.address AND p.message_id = t.message_id
      AND p.attempt = t.attempt
), forgotten AS (
    DELETE FROM recipient_pace p WHERE p.workspace_id = $1 AND p.channel_id = $2 AND p.at < now() - $8::interval
)
UPDATE recipient_pace p SET at = least(p.at, clock_timestamp() - make_interval(secs => t.age))
FROM told t
WHERE NOT t.is_over AND p.workspace_id = $1 AND p.channel_id = $2 AND p.address = t.address AND p.message_id = t.message_id
  AND p.attempt = t.attempt

-- name: hold
-- Holds only ever grow.
INSERT INTO recipient_holds (workspace_id, channel_id, address, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, channel_id, address) DO UPDATE SET until = greatest(recipient_holds.until, excluded.until)

-- The claim of channels that have a pace for each recipient, or a cap on any 24 hours; one claim serves many channels (claim_desk.py). All
-- of it runs in one transaction that holds the channels' rows of channel_pace, so that what one worker reserves the next one sees.
-- Channels without such limits never come here.

-- name: paces
-- The channels' paces, locked until the claims that reserve from them are written. One that somebody else holds is left out: a worker
-- that stands still in the middle of a claim keeps its own channels waiting, not all of ours.
SELECT channel_id, next_free_at, paused_until, failures_in_row, breaker, clock_timestamp() AS now
FROM channel_pace WHERE channel_id = ANY ($1::uuid[]) ORDER BY channel_id FOR UPDATE SKIP LOCKED

-- name: open_paces
INSERT INTO channel_pace (channel_id) SELECT c FROM unnest($1::uuid[]) c ORDER BY c ON CONFLICT DO NOTHING

-- name: due
-- What plain claims would take (claim.sql), locked and looked at instead of taken, in order, with what is known of each recipient.
-- Each step hangs on the one before it by LATERAL, so that every plan goes through it channel by channel and row by row with an index.
-- `frozen` is the source whose text it has.
--   By channel: $1 channel, $2 workspace, $3 how many to look at, $4 how far back the rules look, $5 whether recipients are counted by the day
SELECT a.channel_id, l.id, l.frozen, l.address, l.expired, l.opted_out, sent.messages, sent.attempts, sent.at,
       (SELECT h.until FROM recipient_holds h
        WHERE h.workspace_id = a.workspace_id AND h.channel_id = a.channel_id AND h.address = l.address) AS held_until,
       a.by_recipient AND coalesce((
           SELECT d.at > now() - interval '24 hours' FROM channel_day_recipients d
           WHERE d.workspace_id = a.workspace_id AND d.channel_id = a.channel_id AND d.address = l.address
       ), false) AS counted
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::interval[], $5::boolean[]) AS a (channel_id, workspace_id, most, longest, by_recipient)
CROSS JOIN LATERAL (
    SELECT c.id, row_number() OVER (ORDER BY c.priority, c.turn, c.due_at, c.id) AS place
    FROM (
        SELECT m.id, s.priority, m.due_at, row_number() OVER (PARTITION BY s.priority, s.source_id ORDER BY m.due_at, m.id) AS turn
        FROM waiting_sources(a.channel_id) s CROSS JOIN LATERAL (
            SELECT m.id, m.due_at
            FROM messages m
            WHERE m.channel_id = a.channel_id AND m.waiting AND m.status IN ('scheduled', 'queued') AND m.priority = s.priority
              AND m.source_id = s.source_id AND m.due_at <= now()
            ORDER BY m.due_at, m.id LIMIT a.most
        ) m
        WHERE NOT EXISTS (SELECT FROM delivery_holds h WHERE h.workspace_id = a.workspace_id AND h.source_id = s.source_id)
    ) c
    ORDER BY c.priority, c.turn, c.due_at, c.id LIMIT a.most
) chosen
CROSS JOIN LATERAL (
    SELECT m.id, CASE WHEN m.text IS NULL THEN m.source_id END AS frozen, m.address, m.expires_at <= now() AS expired,
           NOT m.is_confirmation AND EXISTS (
               SELECT FROM opt_outs o WHERE o.workspace_id = a.workspace_id AND o.medium = m.medium AND o.address = m.address
           ) AS opted_out
    FROM messages m
    WHERE m.workspace_id = a.workspace_id AND m.id = chosen.id AND m.status IN ('scheduled', 'queued')
    FOR UPDATE OF m SKIP LOCKED
) l
CROSS JOIN LATERAL (
    SELECT array_agg(p.message_id) AS messages, array_agg(p.attempt) AS attempts, array_agg(p.at) AS at
    FROM recipient_pace p
    WHERE p.workspace_id = a.workspace_id AND p.channel_id = a.channel_id AND p.address = l.address AND p.at > now() - a.longest
) sent
ORDER BY a.channel_id, chosen.place

-- name: take
-- All that a claim writes, in one statement. Marks the chosen ones, as claim.sql does, notes whom they go to and moves the paces on. Those
-- whose recipients must wait are put off, which is no attempt and costs none; whose validity ends sooner is looked at then, to end in time.
--   $1 until when all have begun; by message: $2 workspace, $3 id, $4 what becomes of it, $5 whether its channel's recipients have a pace;
--   by message put off: $6 workspace, $7 id, $8 until when; by channel: $9 channel, $10 when its next message may leave;
--   $11 the claim's id
WITH taken AS (
    UPDATE messages m
    SET status = t.status,
        suppression = CASE WHEN t.status = 'suppressed' THEN 'opted_out' END,
        attempt = m.attempt + (t.status = 'sending')::int,
        claimed_at = now(),
        settled_at = CASE WHEN t.status <> 'sending' THEN now() END
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::boolean[]) AS t (workspace_id, id, status, paced)
    WHERE m.workspace_id = t.workspace_id AND m.id = t.id AND m.status IN ('scheduled', 'queued')
    RETURNING m.id, m.status, m.source_id, m.address, m.text, m.variables, m.delivery, m.attempt, m.failures, m.content::text, m.priority,
              m.workspace_id, m.channel_id, t.paced
), noted AS (
    INSERT INTO recipient_pace (workspace_id, channel_id, address, message_id, attempt, at)
    SELECT workspace_id, channel_id, address, id, attempt, $1::timestamptz FROM taken WHERE status = 'sending' AND paced
    ON CONFLICT (workspace_id, channel_id, address, message_id, attempt) DO UPDATE SET at = excluded.at
), to_look_for AS (
    INSERT INTO claims (workspace_id, channel_id, id, message_ids)
    SELECT workspace_id, channel_id, $11, array_agg(id) FROM taken WHERE status = 'sending' GROUP BY 1, 2
), put_off AS (
    UPDATE messages m SET due_at = least(w.until, m.expires_at)
    FROM unnest($6::uuid[], $7::uuid[], $8::timestamptz[]) AS w (workspace_id, id, until)
    WHERE m.workspace_id = w.workspace_id AND m.id = w.id AND m.status IN ('scheduled', 'queued')
), reserved AS (
    UPDATE channel_pace p SET next_free_at = r.next_free_at
    FROM unnest($9::uuid[], $10::timestamptz[]) AS r (channel_id, next_free_at)
    WHERE p.channel_id = r.channel_id
)
SELECT id, status, source_id, address, text, variables, delivery, attempt, failures, content, priority, channel_id FROM taken

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

-- name: pace
-- The channel's pace, locked until the claim that reserves from it is written.
SELECT next_free_at, paused_until, failures_in_row, breaker, clock_timestamp() AS now
FROM channel_pace WHERE channel_id = $1 FOR UPDATE

-- name: open_pace
INSERT INTO channel_pace (channel_id) VALUES ($1) ON CONFLICT DO NOTHING

-- name: reserve_pace
UPDATE channel_pace SET next_free_at = $2 WHERE channel_id = $1

-- name: pause
-- Pauses only ever grow: a slow answer must not shorten what a later one asked for.
UPDATE channel_pace SET paused_until = greatest(paused_until, $2), pause_reason = $3, failures_in_row = $4, breaker = $5
WHERE channel_id = $1

-- name: works
UPDATE channel_pace SET failures_in_row = 0, breaker = 'closed', pause_reason = NULL
WHERE channel_id = $1 AND (failures_in_row > 0 OR breaker <> 'closed')

-- name: claim
-- The most urgent due messages of one channel, in turn over its campaigns, marked before any request is made. What has expired or
-- whose recipient has opted out ends here instead: this is the last moment before the send.
--   $1 channel, $2 workspace, $3 how many, $4 the claim's id
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
        ORDER BY m.due_at, m.id LIMIT (SELECT $3::int)
    ) c
), chosen AS (
    SELECT id FROM candidate ORDER BY priority, turn, due_at, id LIMIT (SELECT $3::int)
), locked AS MATERIALIZED (
    SELECT m.id, m.expires_at <= now() AS expired,
           NOT m.is_confirmation AND EXISTS (
               SELECT FROM opt_outs o WHERE o.workspace_id = $2 AND o.medium = m.medium AND o.address = m.address
           ) AS opted_out
    FROM messages m
    WHERE m.workspace_id = $2 AND m.id = ANY (ARRAY(SELECT id FROM chosen)) AND m.status IN ('scheduled', 'queued')
    FOR UPDATE OF m SKIP LOCKED
), taken AS (
    UPDATE messages m
    SET status = CASE WHEN l.opted_out THEN 'suppressed' WHEN l.expired THEN 'expired' ELSE 'sending' END,
        suppression = CASE WHEN l.opted_out THEN 'opted_out' END,
        attempt = m.attempt + CASE WHEN l.opted_out OR l.expired THEN 0 ELSE 1 END,
        claimed_at = now(),
        settled_at = CASE WHEN l.opted_out OR l.expired THEN now() END
    FROM locked l
    WHERE m.workspace_id = $2 AND m.id = ANY (ARRAY(SELECT id FROM locked)) AND m.id = l.id
    RETURNING m.id, m.status, m.source_id, m.address, m.text, m.variables, m.delivery, m.attempt, m.failures, m.content::text, m.priority
), noted AS (
    INSERT INTO claims (workspace_id, channel_id, id, message_ids)
    SELECT $2, $1, $4, array_agg(id) FROM taken WHERE status = 'sending' HAVING count(*) > 0
)
SELECT * FROM taken

-- name: open_windows
-- Which of the addresses $3 wrote to channel $2 within the last $4.
SELECT address FROM conversations
WHERE workspace_id = $1 AND channel_id = $2 AND address = ANY ($3::text[]) AND last_inbound_at > now() - $4::interval

-- name: source_text
SELECT text, content::text FROM message_contents WHERE workspace_id = $1 AND source_id = $2

-- name: end_claims
-- All messages of these claims are settled.
DELETE FROM claims WHERE workspace_id = $1 AND channel_id = $2 AND id = ANY ($3::uuid[])

-- name: has_claims
SELECT EXISTS (SELECT FROM claims WHERE workspace_id = $1 AND channel_id = $2)

-- name: recover
-- What a worker claimed and never settled. It cannot begin a request any more (claims are good for less time than $3), so each is
-- in doubt: sent again where its policy allows, marked; unknown otherwise.
--   $1 channel, $2 workspace, $3 age, $4 most attempts
WITH claim AS MATERIALIZED (
    SELECT id, at, message_ids FROM claims WHERE workspace_id = $2 AND channel_id = $1 ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
), lost AS MATERIALIZED (
    -- Waits for whoever settles one of them right now: a claim that is let go must leave nothing in the air.
    SELECT m.id FROM messages m
    WHERE m.workspace_id = $2 AND m.id = ANY (ARRAY(SELECT unnest(message_ids) FROM claim)) AND m.channel_id = $1
      AND m.status = 'sending' AND m.claimed_at < now() - $3::interval
    ORDER BY m.id FOR UPDATE OF m
), let_go AS (
    DELETE FROM claims c USING claim WHERE c.workspace_id = $2 AND c.channel_id = $1 AND c.id = claim.id AND claim.at < now() - $3::interval
), recovered AS (
    UPDATE messages m
    SET status = CASE WHEN m.delivery = 'at_least_once' AND m.failures + 1 < $4 THEN 'queued' ELSE 'unknown' END,
        possible_duplicate = m.possible_duplicate OR (m.delivery = 'at_least_once' AND m.failures + 1 < $4),
        failures = m.failures + 1,
        due_at = now(),
        error_code = 'timeout',
        error_detail = 'The worker stopped before the provider''s answer was written down.',
        settled_at = CASE WHEN m.delivery = 'at_least_once' AND m.failures + 1 < $4 THEN NULL ELSE now() END
    FROM lost l
    WHERE m.workspace_id = $2 AND m.id = ANY (ARRAY(SELECT id FROM lost)) AND m.id = l.id
    RETURNING m.workspace_id, m.id, m.attempt, m.channel_id
)
INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, detail)
SELECT workspace_id, id, attempt, channel_id, 'uncertain', 'timeout', 'The worker stopped before the provider''s answer was written down.'
FROM recovered
ON CONFLICT DO NOTHING

-- name: has_due
SELECT channel_has_due($1, $2, $3)

-- name: sweep
-- The safety net: channels that may send now, have something due and no drain under way.
SELECT c.id
FROM channels c
LEFT JOIN channel_pace p ON p.channel_id = c.id
WHERE c.deleted_at IS NULL AND c.enabled AND c.stopped_at IS NULL AND coalesce(p.paused_until, 'epoch') <= now()
  AND NOT EXISTS (
    SELECT FROM pgqueuer j WHERE j.dedupe_key = 'drain:' || c.id AND j.status IN ('queued', 'picked'))
  AND channel_has_due(c.workspace_id, c.id, $1)

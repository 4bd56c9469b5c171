-- name: settle
-- Writes how attempts ended, many at once. Fenced by status and attempt: what another settled, a receipt overtook or a recovery
-- gave to a new attempt is left to settle_late. The fence on the status is written as a join so that no plan takes the index of
-- what is in flight, which is full of dead entries in the middle of a campaign: the key is always the better way.
--   $1 workspace, $2 channel, then one array a column
WITH result AS MATERIALIZED (
    SELECT *, 'sending'::text AS was FROM unnest(
        $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[], $9::boolean[], $10::text[],
        $11::text[], $12::text[], $13::text[], $14::smallint[], $15::bigint[], $16::text[], $17::integer[]
    ) AS r (id, attempt, status, outcome, due_at, failed, possible_duplicate, code, provider_code, detail, provider_message_id,
            segments, cost_micros, cost_currency, latency_ms)
), settled AS (
    UPDATE messages m
    SET status = r.status,
        attempt = m.attempt - CASE WHEN r.outcome = 'not_sent' THEN 1 ELSE 0 END,
        due_at = coalesce(r.due_at, m.due_at),
        failures = m.failures + r.failed::int,
        possible_duplicate = m.possible_duplicate OR r.possible_duplicate,
        provider_message_id = coalesce(r.provider_message_id, m.provider_message_id),
        segments = coalesce(r.segments, m.segments),
        cost_micros = coalesce(r.cost_micros, m.cost_micros),
        cost_currency = coalesce(r.cost_currency, m.cost_currency),
        error_code = r.code,
        error_detail = r.detail,
        sent_at = CASE WHEN r.status IN ('sent', 'delivered') THEN now() END,
        delivered_at = CASE WHEN r.status = 'delivered' THEN now() END,
        settled_at = CASE WHEN r.status <> 'queued' THEN now() END
    FROM result r
    WHERE m.workspace_id = $1 AND m.id = ANY ($3::uuid[]) AND m.id = r.id AND m.attempt = r.attempt AND m.status = r.was
    RETURNING m.id, r.attempt
), noted AS (
    INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, provider_code, detail, provider_message_id, latency_ms)
    SELECT $1, r.id, r.attempt, $2, r.outcome, r.code, r.provider_code, r.detail, r.provider_message_id, r.latency_ms
    FROM result r JOIN settled s ON s.id = r.id AND s.attempt = r.attempt WHERE r.outcome <> 'not_sent'
)
SELECT id, attempt FROM settled

-- name: settle_accepted
-- The same for those that went well, which are nearly all: half of the columns, and nobody to tell but of those whose row was not waiting.
WITH result AS MATERIALIZED (
    SELECT *, 'sending'::text AS was FROM unnest(
        $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::smallint[], $8::bigint[], $9::text[], $10::integer[]
    ) AS r (id, attempt, status, provider_message_id, segments, cost_micros, cost_currency, latency_ms)
), settled AS (
    UPDATE messages m
    SET status = r.status,
        provider_message_id = coalesce(r.provider_message_id, m.provider_message_id),
        segments = coalesce(r.segments, m.segments),
        cost_micros = coalesce(r.cost_micros, m.cost_micros),
        cost_currency = coalesce(r.cost_currency, m.cost_currency),
        error_code = NULL,
        error_detail = NULL,
        sent_at = now(),
        delivered_at = CASE WHEN r.status = 'delivered' THEN now() END,
        settled_at = now()
    FROM result r
    WHERE m.workspace_id = $1 AND m.id = ANY ($3::uuid[]) AND m.id = r.id AND m.attempt = r.attempt AND m.status = r.was
    RETURNING m.id, r.attempt, r.provider_message_id, r.latency_ms
), noted AS (
    INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, provider_message_id, latency_ms)
    SELECT $1, id, attempt, $2, 'accepted', provider_message_id, latency_ms FROM settled
)
SELECT r.id, r.attempt FROM result r WHERE NOT EXISTS (SELECT FROM settled s WHERE s.id = r.id AND s.attempt = r.attempt)

-- name: settle_late
-- For the few whose row was not waiting for this end. A claim that recovery gave up as unknown learns its true end; where a receipt
-- was faster its state stands and the provider's id and segments are still kept; the record of the attempt is made true in any case.
WITH result AS MATERIALIZED (
    SELECT * FROM unnest(
        $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[], $9::boolean[], $10::text[],
        $11::text[], $12::text[], $13::text[], $14::smallint[], $15::bigint[], $16::text[], $17::integer[]
    ) AS r (id, attempt, status, outcome, due_at, failed, possible_duplicate, code, provider_code, detail, provider_message_id,
            segments, cost_micros, cost_currency, latency_ms)
), resolved AS (
    UPDATE messages m
    SET status = CASE WHEN m.status = 'unknown' THEN r.status ELSE m.status END,
        provider_message_id = coalesce(m.provider_message_id, r.provider_message_id),
        segments = coalesce(m.segments, r.segments),
        cost_micros = coalesce(m.cost_micros, r.cost_micros),
        cost_currency = coalesce(m.cost_currency, r.cost_currency),
        error_code = CASE WHEN m.status = 'unknown' THEN r.code ELSE m.error_code END,
        error_detail = CASE WHEN m.status = 'unknown' THEN r.detail ELSE m.error_detail END,
        sent_at = CASE WHEN r.outcome = 'accepted' THEN coalesce(m.sent_at, now()) ELSE m.sent_at END,
        delivered_at = CASE WHEN m.status = 'unknown' AND r.status = 'delivered' THEN now() ELSE m.delivered_at END,
        settled_at = now()
    FROM result r
    WHERE m.workspace_id = $1 AND m.id = ANY ($3::uuid[]) AND m.id = r.id AND m.attempt = r.attempt
      AND ((m.status = 'unknown' AND r.status IN ('sent', 'delivered', 'failed'))
           OR (m.status IN ('sent', 'delivered', 'read') AND r.outcome = 'accepted'))
    RETURNING m.id
), noted AS (
    INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, provider_code, detail, provider_message_id, latency_ms)
    SELECT $1, r.id, r.attempt, $2, r.outcome, r.code, r.provider_code, r.detail, r.provider_message_id, r.latency_ms
    FROM result r WHERE r.outcome <> 'not_sent'
    -- A recovery may have written this attempt off as lost: the true answer replaces its guess.
    ON CONFLICT (workspace_id, message_id, number) DO UPDATE
    SET outcome = excluded.outcome, code = excluded.code, provider_code = excluded.provider_code, detail = excluded.detail,
        provider_message_id = excluded.provider_message_id, latency_ms = excluded.latency_ms
)
SELECT count(*) FROM resolved

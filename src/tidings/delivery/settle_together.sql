-- name: settle_together
-- `settle` (settle.sql) for the ends of many channels and workspaces in one statement: the same writes, the same fence.
--   One array a column: workspaces and channels first, then as there
WITH result AS MATERIALIZED (
    SELECT *, 'sending'::text AS was FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[], $9::boolean[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[], $15::bigint[], $16::text[], $17::integer[]
    ) AS r (workspace_id, channel_id, id, attempt, status, outcome, due_at, failed, possible_duplicate, code, provider_code, detail,
            provider_message_id, segments, cost_micros, cost_currency, latency_ms)
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
    WHERE m.workspace_id = r.workspace_id AND m.id = r.id AND m.attempt = r.attempt AND m.status = r.was
    RETURNING m.workspace_id, m.id, r.attempt
), noted AS (
    INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, provider_code, detail, provider_message_id, latency_ms)
    SELECT r.workspace_id, r.id, r.attempt, r.channel_id, r.outcome, r.code, r.provider_code, r.detail, r.provider_message_id, r.latency_ms
    FROM result r JOIN settled s ON s.id = r.id AND s.attempt = r.attempt WHERE r.outcome <> 'not_sent'
)
SELECT id, attempt FROM settled

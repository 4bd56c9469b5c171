-- Keys are given twice, as a join and as = ANY: from the latter the planner sees which months are not concerned.

-- name: plan_anew
-- A plan that PostgreSQL keeps for all groups is made while a month's partition is still empty, and walks through all of it when
-- it has grown: measured at 20,000 receipts, 490 us a receipt and growing, against 50 with plans made for each group.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: record
-- Every receipt becomes a row, with its message where that can be told: by our own id, which some providers hand back, else by the
-- provider's id among the messages of the last 45 days.
--   one array a column
WITH given AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::smallint[],
        $11::bigint[], $12::text[], $13::timestamptz[]
    ) AS g (workspace_id, id, channel_id, reference, provider_message_id, status, provider_status, code, detail, segments,
            cost_micros, cost_currency, reported_at)
)
INSERT INTO receipts (workspace_id, id, channel_id, message_id, provider_message_id, status, provider_status, code, detail, segments,
                      cost_micros, cost_currency, reported_at)
SELECT g.workspace_id, g.id, g.channel_id, coalesce(named.id, known.id), g.provider_message_id, g.status, g.provider_status, g.code,
       g.detail, g.segments, g.cost_micros, g.cost_currency, g.reported_at
FROM given g
LEFT JOIN LATERAL (
    SELECT m.id FROM messages m
    WHERE m.workspace_id = g.workspace_id AND m.id = g.reference AND m.id = ANY ($4::uuid[]) AND m.channel_id = g.channel_id
      AND m.direction = 'out'
) named ON true
LEFT JOIN LATERAL (
    SELECT m.id FROM messages m
    WHERE named.id IS NULL AND m.channel_id = g.channel_id AND m.provider_message_id = g.provider_message_id AND m.direction = 'out'
      AND m.id BETWEEN id_floor(now() - interval '45 days') AND id_floor(now() + interval '1 hour')
    ORDER BY m.id DESC LIMIT 1
) known ON true
RETURNING workspace_id, id, message_id, code

-- name: lock
-- Before they are moved, always in the order of their ids, so that two groups never wait for each other. A statement of its own:
-- the next one then sees them as they are now, and finds each by its index.
SELECT m.id FROM messages m
JOIN (SELECT DISTINCT workspace_id, id FROM unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)) t
  ON m.workspace_id = t.workspace_id AND m.id = t.id
WHERE m.id = ANY ($2::uuid[])
ORDER BY m.id
FOR UPDATE OF m

-- name: advance
-- What these receipts make of their messages. A status only goes up: sent, failed, delivered, read. So the end is the same in
-- whatever order they come; proof of delivery even outweighs an earlier failure, and lifts what was given up, cancelled or expired
-- after an attempt whose fate was not known.
--   $1 workspaces, $2 receipts, $3 their messages
WITH heard AS MATERIALIZED (
    SELECT r.workspace_id, r.id, r.message_id, r.provider_message_id, r.status, r.code, r.detail, r.segments, r.cost_micros, r.cost_currency,
           array_position(ARRAY['sent', 'failed', 'delivered', 'read'], r.status) AS rank,
           coalesce(array_position(ARRAY['sent', 'failed', 'delivered', 'read'], m.status), 0) AS was,
           least(greatest(r.reported_at, m.created_at), r.received_at) AS at,
           CASE WHEN m.status IN ('scheduled', 'queued') AND m.attempt = 0 THEN false  -- nobody has been asked to send it yet
                WHEN r.status <> 'failed' THEN true
                -- A copy that failed says nothing of another copy that was taken.
                ELSE m.status IN ('queued', 'sending', 'sent', 'unknown')
                     AND (m.provider_message_id = r.provider_message_id OR (m.provider_message_id IS NULL AND m.attempt = 1))
           END AS counts,
           -- Which copy failed cannot be told yet: kept aside until the provider's id of the latest is known.
           r.status = 'failed' AND m.provider_message_id IS NULL AND m.attempt > 1 AND m.status IN ('queued', 'sending', 'unknown') AS early
    FROM unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)
    JOIN receipts r ON r.workspace_id = t.workspace_id AND r.id = t.id AND r.id = ANY ($2::uuid[])
    JOIN messages m ON m.workspace_id = r.workspace_id AND m.id = r.message_id AND m.id = ANY ($3::uuid[])
), summed AS MATERIALIZED (
    SELECT workspace_id, message_id,
           (ARRAY['sent', 'failed', 'delivered', 'read'])[max(rank)] AS status,
           max(rank) > max(was) AS forward,
           (array_agg(provider_message_id ORDER BY rank DESC, id))[1] AS provider_message_id,
           (array_agg(code ORDER BY id) FILTER (WHERE status = 'failed'))[1] AS code,
           (array_agg(detail ORDER BY id) FILTER (WHERE status = 'failed'))[1] AS detail,
           (array_agg(segments ORDER BY id DESC) FILTER (WHERE segments IS NOT NULL))[1] AS segments,
           (array_agg(cost_micros ORDER BY id DESC) FILTER (WHERE cost_micros IS NOT NULL))[1] AS cost_micros,
           (array_agg(cost_currency ORDER BY id DESC) FILTER (WHERE cost_micros IS NOT NULL))[1] AS cost_currency,
           min(at) FILTER (WHERE status <> 'failed') AS sent_at,
           min(at) FILTER (WHERE status IN ('delivered', 'read')) AS delivered_at,
           min(at) FILTER (WHERE status = 'read') AS read_at
    FROM heard WHERE counts
    GROUP BY workspace_id, message_id
), advanced AS (
    UPDATE messages m
    SET status = CASE WHEN s.forward THEN s.status ELSE m.status END,
        provider_message_id = coalesce(m.provider_message_id, s.provider_message_id),
        error_code = CASE WHEN NOT s.forward THEN m.error_code WHEN s.status = 'failed' THEN coalesce(s.code, 'internal') END,
        error_detail = CASE WHEN NOT s.forward THEN m.error_detail WHEN s.status = 'failed' THEN s.detail END,
        suppression = CASE WHEN NOT s.forward THEN m.suppression END,
        segments = coalesce(s.segments, m.segments),
        cost_micros = coalesce(s.cost_micros, m.cost_micros),
        cost_currency = CASE WHEN s.cost_micros IS NULL THEN m.cost_currency ELSE s.cost_currency END,
        sent_at = coalesce(m.sent_at, s.sent_at),
        delivered_at = coalesce(m.delivered_at, s.delivered_at),
        read_at = coalesce(m.read_at, s.read_at),
        settled_at = coalesce(m.settled_at, now())
    FROM summed s
    WHERE m.workspace_id = s.workspace_id AND m.id = s.message_id AND m.id = ANY ($3::uuid[])
      -- What changes nothing writes nothing: a receipt that comes twice costs its row alone.
      AND (s.forward OR m.provider_message_id IS NULL
           OR (s.segments IS NOT NULL AND s.segments IS DISTINCT FROM m.segments)
           OR (s.cost_micros IS NOT NULL AND (s.cost_micros, s.cost_currency) IS DISTINCT FROM (m.cost_micros, m.cost_currency)))
    RETURNING m.id
), set_aside AS (
    UPDATE receipts r SET message_id = NULL FROM heard h
    WHERE h.early AND r.workspace_id = h.workspace_id AND r.id = h.id AND r.id = ANY ($2::uuid[])
)
SELECT count(*) FROM advanced

-- name: rematch
-- Receipts that came before their message's provider id was known, and whose message has it by now.
--   $1 and $2 the receipts' ids from and to, $3 how many to look at
WITH waiting AS MATERIALIZED (
    SELECT r.workspace_id, r.id, r.channel_id, r.provider_message_id FROM receipts r
    WHERE r.message_id IS NULL AND r.id > $1 AND r.id < $2
    ORDER BY r.id LIMIT $3
), found AS MATERIALIZED (
    SELECT w.workspace_id, w.id, m.id AS message_id
    FROM waiting w CROSS JOIN LATERAL (
        SELECT m.id FROM messages m
        WHERE m.channel_id = w.channel_id AND m.provider_message_id = w.provider_message_id AND m.direction = 'out'
          AND m.id BETWEEN id_floor(now() - interval '45 days') AND id_floor(now() + interval '1 hour')
        ORDER BY m.id DESC LIMIT 1
    ) m
), matched AS (
    UPDATE receipts r SET message_id = f.message_id
    FROM found f
    WHERE r.workspace_id = f.workspace_id AND r.id = f.id AND r.id > $1 AND r.id < $2 AND r.message_id IS NULL
    RETURNING r.workspace_id, r.id, r.message_id
)
SELECT (SELECT coalesce(array_agg(workspace_id ORDER BY id), '{}') FROM matched) AS workspaces,
       (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM matched) AS receipts,
       (SELECT coalesce(array_agg(message_id ORDER BY id), '{}') FROM matched) AS messages,
       (SELECT id FROM waiting ORDER BY id DESC LIMIT 1) AS last_id,
       (SELECT count(*) FROM waiting) AS looked_at

-- name: addresses
SELECT DISTINCT m.workspace_id, m.medium, m.address
FROM unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)
JOIN messages m ON m.workspace_id = t.workspace_id AND m.id = t.id AND m.id = ANY ($2::uuid[])
ORDER BY 1, 2, 3

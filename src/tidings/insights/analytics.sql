-- name: volume
-- Where the messages made in each bucket stand, by channel: sums of counters, whatever the number of messages. Of the days older than
-- eight, counters know days only (docs/decisions/0005-statistics-by-present-state.md).
SELECT date_trunc(:bucket, s.bucket, :timezone) AS bucket, s.channel_id, s.status, sum(s.n)::bigint AS n
FROM message_stats s
WHERE s.workspace_id = :workspace_id AND s.bucket >= :since AND s.bucket < :until
  AND s.channel_id = ANY(CAST(:channels AS uuid[]))
GROUP BY 1, 2, 3 HAVING sum(s.n) <> 0
ORDER BY 1, 2, 3

-- name: answers
-- How the providers answered: the latest attempts for messages of the time, found by their ids, which are in the order of time.
WITH latest AS MATERIALIZED (
    SELECT a.channel_id, a.outcome, a.latency_ms FROM attempts a
    WHERE a.workspace_id = :workspace_id AND a.message_id >= :from_id AND a.message_id < :until_id
    ORDER BY a.message_id DESC LIMIT :most
)
SELECT channel_id, count(*) AS n, count(*) FILTER (WHERE outcome = 'accepted') AS accepted,
       count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome = 'uncertain') AS uncertain,
       percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY latency_ms) AS percentiles
FROM latest WHERE channel_id = ANY(CAST(:channels AS uuid[]))
GROUP BY 1

-- name: errors
-- What they refused with, of the same attempts.
WITH latest AS MATERIALIZED (
    SELECT a.channel_id, a.code, a.provider_code FROM attempts a
    WHERE a.workspace_id = :workspace_id AND a.message_id >= :from_id AND a.message_id < :until_id
    ORDER BY a.message_id DESC LIMIT :most
)
SELECT channel_id, code, coalesce(provider_code, '') AS provider_code, count(*) AS n
FROM latest WHERE channel_id = ANY(CAST(:channels AS uuid[])) AND code IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 200

-- name: arrivals
-- How long from the provider to the phone, and what it cost, of the latest messages of the time.
WITH latest AS MATERIALIZED (
    SELECT m.channel_id, m.direction, m.cost_micros, m.cost_currency, extract(epoch FROM m.delivered_at - m.sent_at) AS seconds
    FROM messages m
    WHERE m.workspace_id = :workspace_id AND m.id >= :from_id AND m.id < :until_id
    ORDER BY m.id DESC LIMIT :most
)
SELECT channel_id, coalesce(cost_currency, '') AS currency, count(*) AS n, coalesce(sum(cost_micros), 0)::bigint AS micros,
       percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY greatest(seconds, 0)) AS percentiles,
       count(seconds) AS arrived
FROM latest WHERE direction = 'out' AND channel_id = ANY(CAST(:channels AS uuid[]))
GROUP BY 1, 2

-- name: looked_at
-- How many attempts and messages the time has, as far as they are looked at.
SELECT (SELECT count(*) FROM (SELECT FROM attempts a WHERE a.workspace_id = :workspace_id AND a.message_id >= :from_id
                              AND a.message_id < :until_id LIMIT :most + 1) t) AS attempts,
       (SELECT count(*) FROM (SELECT FROM messages m WHERE m.workspace_id = :workspace_id AND m.id >= :from_id
                              AND m.id < :until_id LIMIT :most + 1) t) AS messages

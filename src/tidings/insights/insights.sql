-- name: daily
-- Where the messages of each day stand, on the workspace's own calendar.
SELECT (s.bucket AT TIME ZONE :timezone)::date AS day, s.channel_id, s.status, sum(s.n)::bigint AS n
FROM message_stats s
WHERE s.workspace_id = :workspace_id
  AND s.bucket >= CAST(:since AS date)::timestamp AT TIME ZONE :timezone
  AND s.bucket < (CAST(:until AS date) + 1)::timestamp AT TIME ZONE :timezone
GROUP BY 1, 2, 3 HAVING sum(s.n) <> 0
ORDER BY 1, 2, 3

-- name: totals
-- Where all messages stand, and how many were taken on this day, week (from Monday) and month of the workspace's own calendar.
WITH clock AS (
    SELECT date_trunc('day', now(), :timezone) AS today, date_trunc('week', now(), :timezone) AS week,
           date_trunc('month', now(), :timezone) AS month
)
SELECT s.status, sum(s.n)::bigint AS n,
       coalesce(sum(s.n) FILTER (WHERE s.bucket >= clock.today), 0)::bigint AS today,
       coalesce(sum(s.n) FILTER (WHERE s.bucket >= clock.week), 0)::bigint AS this_week,
       coalesce(sum(s.n) FILTER (WHERE s.bucket >= clock.month), 0)::bigint AS this_month
FROM message_stats s, clock
WHERE s.workspace_id = :workspace_id
GROUP BY 1

-- name: count_groups
SELECT count(*) FROM groups WHERE workspace_id = :workspace_id

-- name: messages_of_all
-- For the operator's metrics: no workspace is named in them.
SELECT status, sum(n)::bigint AS n FROM message_stats GROUP BY 1 HAVING sum(n) <> 0

-- name: waiting_of_all
SELECT channel_id, sum(n)::bigint AS n FROM message_stats
WHERE status IN ('scheduled', 'queued', 'sending') GROUP BY 1 HAVING sum(n) <> 0 ORDER BY 2 DESC LIMIT $1

-- name: workers
-- How long ago each worker was last heard of, in seconds.
SELECT greatest(extract(epoch FROM now() - seen_at), 0)::float AS age FROM worker_heartbeats ORDER BY 1

-- name: trouble
SELECT (SELECT count(*) FROM channels WHERE stopped_at IS NOT NULL AND deleted_at IS NULL) AS stopped_channels,
       (SELECT count(*) FROM alerts WHERE resolved_at IS NULL) AS open_alerts

-- name: revision
SELECT version_num FROM alembic_version

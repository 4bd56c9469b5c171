-- The places of channels that may send at once (senders.py): so many of one workspace and provider. A place is held by a drain job that a
-- worker runs: it is there, picked, and its worker says so every few seconds. When the job is gone or its worker silent, the place is free,
-- whoever forgot to give it back. Silent is a little longer than worker.HEARTBEAT_TIMEOUT, after which another worker has the job.

-- name: lock
-- One at a time for each workspace and provider; others do not notice.
SELECT pg_advisory_xact_lock(hashtextextended('tidings.senders:' || $1::uuid || ':' || $2::text, 0))

-- name: ask
-- Get in line, or stay in it. Whoever has just had a turn, or was away, gets in anew.
INSERT INTO sender_places AS p (workspace_id, channel_id, provider, most, asked_at, seen_at)
VALUES ($1, $2, $3, $4, clock_timestamp(), clock_timestamp())
ON CONFLICT (workspace_id, channel_id) DO UPDATE
SET job_id = NULL, provider = excluded.provider, most = excluded.most, seen_at = excluded.seen_at,
    asked_at = CASE WHEN p.job_id IS NULL AND p.seen_at > now() - $5::interval THEN p.asked_at ELSE excluded.asked_at END

-- name: take
-- A place for this drain, unless as many others hold one or were here before. No row: it has to wait.
UPDATE sender_places me SET job_id = $3
WHERE me.workspace_id = $1 AND me.channel_id = $2 AND me.most > (
    SELECT count(*) FROM sender_places o
    WHERE o.workspace_id = me.workspace_id AND o.provider = me.provider AND o.channel_id <> me.channel_id
      AND (EXISTS (SELECT FROM pgqueuer j WHERE j.id = o.job_id AND j.status = 'picked' AND j.heartbeat > now() - interval '7 seconds')
           OR (o.job_id IS NULL AND o.seen_at > now() - $4::interval AND (o.asked_at, o.channel_id) < (me.asked_at, me.channel_id))))
RETURNING true

-- name: leave
DELETE FROM sender_places WHERE workspace_id = $1 AND channel_id = $2 AND job_id = $3

-- name: next
-- Those in line for whom there is a place now: of one workspace and provider, or of all ($1 null).
WITH line AS (
    SELECT p.channel_id, p.most - (
               SELECT count(*) FROM sender_places h
               WHERE h.workspace_id = p.workspace_id AND h.provider = p.provider AND EXISTS (SELECT FROM pgqueuer j WHERE j.id = h.job_id AND j.status = 'picked' AND j.heartbeat > now() - interval '7 seconds')
           ) AS free,
           row_number() OVER (PARTITION BY p.workspace_id, p.provider ORDER BY p.asked_at, p.channel_id) AS n
    FROM sender_places p
    WHERE p.job_id IS NULL AND p.seen_at > now() - $3::interval
      AND ($1::uuid IS NULL OR (p.workspace_id = $1 AND p.provider = $2))
)
SELECT channel_id FROM line WHERE n <= free ORDER BY n

-- name: drop_delayed_job
-- It waited for its turn, which has come: another takes its place at once.
DELETE FROM pgqueuer WHERE dedupe_key = $1 AND status = 'queued' AND execute_after > now()

-- name: drop_job
DELETE FROM pgqueuer WHERE id = $1

-- name: enlist
INSERT INTO channel_workers (worker_id, capacity, expires_at) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (worker_id) DO UPDATE SET capacity = EXCLUDED.capacity, expires_at = EXCLUDED.expires_at

-- name: renew
-- All that a worker runs is renewed by this one row. No row back: it had expired, and others may have taken over.
UPDATE channel_workers SET expires_at = now() + $2::interval WHERE worker_id = $1 AND expires_at > now() RETURNING true

-- name: resign
DELETE FROM channel_workers WHERE worker_id = $1

-- name: forget_dead
DELETE FROM channel_workers WHERE expires_at < now() - interval '1 hour'

-- name: release
-- Handed back: free for others at once.
UPDATE channel_standing SET worker_id = NULL, run_state = NULL, run_detail = NULL WHERE worker_id = $1 AND channel_id = ANY($2::uuid[])

-- name: release_all
UPDATE channel_standing SET worker_id = NULL, run_state = NULL, run_detail = NULL WHERE worker_id = $1

-- name: held
SELECT channel_id FROM channel_standing WHERE worker_id = $1

-- name: spread
--   $1 worker, $2 providers that can be polled, $3 providers with standing sessions, $4 what a provider that calls us is told
SELECT (SELECT count(*) FROM channels c JOIN channel_standing s ON s.channel_id = c.id WHERE {wanted}) AS wanted,
       (SELECT count(*) FROM channel_standing WHERE worker_id = $1) AS mine,
       (SELECT coalesce(sum(capacity), 0) FROM channel_workers WHERE expires_at > now()) AS capacity_of_all

-- name: over
-- Of this worker's channels those that it is to run no longer, or must begin anew. The same parameters.
SELECT s.channel_id FROM channel_standing s LEFT JOIN channels c ON c.id = s.channel_id
WHERE s.worker_id = $1 AND (s.generation <> s.run_generation OR ({wanted}) IS NOT TRUE)

-- name: take
-- Free channels, and those of workers that live no longer. The fence moves on, so that whoever had them can write nothing more.
-- The same parameters, and $5 how many.
WITH free AS MATERIALIZED (
    SELECT s.channel_id FROM channels c JOIN channel_standing s ON s.channel_id = c.id
    WHERE {wanted} AND NOT EXISTS (SELECT FROM channel_workers w WHERE w.worker_id = s.worker_id AND w.expires_at > now())
    LIMIT $5 FOR UPDATE OF s SKIP LOCKED
)
UPDATE channel_standing s
SET worker_id = $1, fence = s.fence + 1, run_generation = s.generation, run_state = 'starting', run_since = now(), run_detail = NULL
FROM free
WHERE s.channel_id = free.channel_id AND EXISTS (SELECT FROM channel_workers w WHERE w.worker_id = $1 AND w.expires_at > now())
RETURNING s.channel_id, s.fence, s.cursor, s.told

-- name: drop_stray_jobs
-- Drains that were put before another worker, which no longer has the channel's session: the sweep makes new ones.
DELETE FROM pgqueuer WHERE dedupe_key = ANY($1::text[]) AND entrypoint <> 'drain' AND entrypoint <> $2

-- name: move_cursor
UPDATE channel_standing SET cursor = $4 WHERE channel_id = $1 AND worker_id = $2 AND fence = $3

-- name: note_told
UPDATE channel_standing SET told = $4 WHERE channel_id = $1 AND worker_id = $2 AND fence = $3

-- name: note_states
-- What many runs say of themselves; only of those that are still theirs. A run in trouble has its channel probed soon.
UPDATE channel_standing s
SET run_since = CASE WHEN s.run_state = t.state THEN s.run_since ELSE now() END, run_state = t.state, run_detail = t.detail,
    next_check_at = CASE WHEN t.state = 'degraded' AND s.failures_in_row = 0 THEN least(s.next_check_at, now() + random() * interval '3 seconds')
                         ELSE s.next_check_at END
FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[]) AS t (channel_id, fence, state, detail)
WHERE s.channel_id = t.channel_id AND s.worker_id = $1 AND s.fence = t.fence

-- name: due_probes
-- Channels whose time has come, marked with a later one before they are asked: a worker that dies meanwhile only delays them.
-- What keeps a session can be probed only where the session is.
--   $1 worker, $2 providers with standing sessions, $3 how many, $4 when to try again if nothing comes of it
WITH due AS MATERIALIZED (
    SELECT s.channel_id FROM channel_standing s JOIN channels c ON c.id = s.channel_id
    WHERE s.next_check_at <= now() AND c.enabled AND c.stopped_at IS NULL AND c.deleted_at IS NULL
      AND (c.provider <> ALL ($2::text[]) OR (s.worker_id = $1 AND s.run_state = 'running'))
    ORDER BY s.next_check_at LIMIT $3 FOR UPDATE OF s SKIP LOCKED
)
UPDATE channel_standing s SET next_check_at = now() + $4::interval FROM due WHERE s.channel_id = due.channel_id
RETURNING s.channel_id

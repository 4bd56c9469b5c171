-- name: emit
-- One array a column: workspaces, ids, kinds, times, data.
INSERT INTO events (workspace_id, id, kind, at, data)
SELECT workspace_id, id, kind, at, data::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) AS t (workspace_id, id, kind, at, data)

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('tidings.outbox'))

-- name: place
-- Gives what has been committed since the last time its place in the order. A transaction that began earlier may commit later, so
-- neither time nor id would do: only what is seen here, one reader at a time, has a place that nothing can come before.
WITH fresh AS (
    SELECT workspace_id, id FROM events WHERE position IS NULL ORDER BY id LIMIT $1 FOR UPDATE
), placed AS (
    SELECT workspace_id, id, nextval('event_positions') AS position FROM fresh
)
UPDATE events e SET position = p.position FROM placed p WHERE e.workspace_id = p.workspace_id AND e.id = p.id

-- name: read
SELECT workspace_id, id, kind, at, data::text, position FROM events
WHERE position > $1 AND ($2::text[] = '{}' OR kind = ANY ($2)) ORDER BY position LIMIT $3

-- name: prune
-- By when they were written down: what they tell of may be long past.
DELETE FROM events WHERE id < id_floor(now() - $1::interval)

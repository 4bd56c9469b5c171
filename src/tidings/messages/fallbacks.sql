-- name: plan_anew
-- As in apply_receipts.sql: a plan kept from when the partitions were empty walks through all of them.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: due
-- Messages to look at. Whoever else looks takes others.
SELECT workspace_id, id, message_id FROM fallbacks WHERE due_at <= now() ORDER BY due_at, id LIMIT $1 FOR UPDATE SKIP LOCKED

-- name: stranded
-- Messages that wait at a channel that went down while another channel of their route works.
SELECT m.workspace_id, coalesce(m.try_of, m.id) AS message_id
FROM channels c CROSS JOIN LATERAL (
    SELECT m.workspace_id, m.id, m.try_of FROM messages m
    WHERE m.channel_id = c.id AND m.route_step IS NOT NULL AND m.waiting AND m.status IN ('scheduled', 'queued') AND m.due_at <= now()
      AND NOT EXISTS (SELECT FROM delivery_holds h WHERE h.workspace_id = m.workspace_id AND h.source_id = m.source_id)
      AND EXISTS (
        SELECT FROM route_steps s JOIN channels o ON o.workspace_id = s.workspace_id AND o.id = s.channel_id
        LEFT JOIN channel_pace p ON p.channel_id = o.id
        WHERE s.workspace_id = m.workspace_id AND s.route_id = m.route_id AND o.id <> c.id
          AND o.enabled AND o.stopped_at IS NULL AND o.deleted_at IS NULL AND coalesce(p.paused_until, 'epoch') <= now())
    ORDER BY m.due_at, m.id LIMIT $1
) m
WHERE c.deleted_at IS NULL AND (NOT c.enabled OR c.stopped_at IS NOT NULL)
  AND EXISTS (SELECT FROM route_steps s WHERE s.workspace_id = c.workspace_id AND s.channel_id = c.id)
LIMIT $1

-- name: lock_first
-- The first try stands for all: whoever holds it decides. Nobody is waited for, so that no two transactions ever wait for each other.
SELECT m.workspace_id, m.id FROM unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)
JOIN messages m ON m.workspace_id = t.workspace_id AND m.id = t.id
WHERE m.id = ANY ($2::uuid[])
ORDER BY m.id FOR UPDATE OF m SKIP LOCKED

-- name: tries
-- All tries of these messages, locked; `tries` tells how many there should be.
SELECT t.workspace_id, t.first_id, t.number, t.tries, m.id, m.channel_id, m.status, m.due_at, m.superseded, m.error_code, m.sent_at,
       m.settled_at, m.expires_at, m.contact_id, m.medium, m.address, m.addresses::text, m.route_id, m.route_step, m.source_id,
       m.campaign_id, m.text, m.variables::text, m.content::text,
       CASE WHEN m.attempt > 0 THEN coalesce(
           (SELECT min(a.at) FROM attempts a WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id), m.claimed_at) END AS begun_at,
       EXISTS (SELECT FROM delivery_holds h WHERE h.workspace_id = m.workspace_id AND h.source_id = m.source_id) AS held,
       EXISTS (SELECT FROM message_contents c WHERE c.workspace_id = m.workspace_id AND c.source_id = m.source_id
               AND c.cancelled_at IS NOT NULL) AS source_cancelled
FROM (
    SELECT k.workspace_id, k.id AS first_id, known.number, known.message_id, count(*) OVER (PARTITION BY k.workspace_id, k.id) AS tries
    FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
    CROSS JOIN LATERAL (
        SELECT 0 AS number, k.id AS message_id
        UNION ALL
        SELECT y.number, y.message_id FROM message_tries y WHERE y.workspace_id = k.workspace_id AND y.first_id = k.id
    ) known
) t
JOIN messages m ON m.workspace_id = t.workspace_id AND m.id = t.message_id
ORDER BY t.first_id, t.number
FOR UPDATE OF m SKIP LOCKED

-- name: contents
SELECT workspace_id, source_id, text, content::text FROM message_contents WHERE (workspace_id, source_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))

-- name: lock_channels
-- Held against deletion until the tries that go by them are committed.
SELECT id FROM channels WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE

-- name: change
-- What is taken back, who speaks for the recipient now, and where the route has come to its end.
--   one array a column
UPDATE messages m
SET status = CASE WHEN c.cancel THEN 'cancelled' ELSE m.status END,
    settled_at = CASE WHEN c.cancel THEN now() ELSE m.settled_at END,
    superseded = c.superseded,
    route_step = CASE WHEN c.ended THEN NULL ELSE m.route_step END
FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::boolean[], $5::boolean[]) AS c (workspace_id, id, cancel, superseded, ended)
WHERE m.workspace_id = c.workspace_id AND m.id = c.id AND m.id = ANY ($2::uuid[])

-- name: go_on
-- The next try of each: the same message by another channel, made at most once.
--   one array a column
WITH next AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::smallint[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::smallint[], $9::text[], $10::boolean[]
    ) AS n (workspace_id, first_id, number, id, channel_id, medium, address, step, skipped, possible_duplicate)
), taken AS (
    INSERT INTO message_tries (workspace_id, first_id, number, message_id)
    SELECT workspace_id, first_id, number, id FROM next
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, message_id
)
INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, reference, text, variables, delivery,
                      priority, status, due_at, expires_at, possible_duplicate, resend_of, created_by, route_id, route_step, try_of,
                      addresses, content, skipped)
SELECT n.workspace_id, n.id, m.campaign_id, m.contact_id, n.channel_id, n.medium, n.address, m.reference, m.text, m.variables, m.delivery,
       m.priority, 'queued', now(), m.expires_at, n.possible_duplicate, m.resend_of, m.created_by, m.route_id, n.step, m.id,
       m.addresses, m.content, n.skipped::jsonb
FROM next n
JOIN taken t ON t.workspace_id = n.workspace_id AND t.message_id = n.id
JOIN messages m ON m.workspace_id = n.workspace_id AND m.id = n.first_id
WHERE m.id = ANY ($2::uuid[])
RETURNING channel_id

-- name: look_again
INSERT INTO fallbacks (workspace_id, message_id, source_id, due_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[])

-- name: forget
-- Everything that was to be looked at of these messages has been seen: it was committed before they were locked.
DELETE FROM fallbacks f USING (
    SELECT f.workspace_id, f.id FROM unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)
    JOIN fallbacks f ON f.workspace_id = t.workspace_id AND f.message_id = t.id
    FOR UPDATE OF f SKIP LOCKED
) seen
WHERE f.workspace_id = seen.workspace_id AND f.id = seen.id

-- name: forget_gone
-- Of these, those whose message is not in the ledger any more.
DELETE FROM fallbacks f USING unnest($1::uuid[], $2::uuid[]) AS t (workspace_id, id)
WHERE f.workspace_id = t.workspace_id AND f.id = t.id
  AND NOT EXISTS (SELECT FROM messages m WHERE m.workspace_id = f.workspace_id AND m.id = f.message_id)

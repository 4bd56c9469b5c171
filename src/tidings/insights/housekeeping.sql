-- name: lock_fold
SELECT pg_try_advisory_xact_lock(hashtext('tidings.fold'))

-- name: fold_campaign_counts
-- Only what has many increments is worth folding: more than it has counts, or a workspace of many channels would be written anew
-- at every turn.
WITH crowded AS (
    SELECT workspace_id, campaign_id FROM campaign_counts GROUP BY 1, 2 HAVING count(*) > 50
), taken AS (
    DELETE FROM campaign_counts c USING crowded
    WHERE c.workspace_id = crowded.workspace_id AND c.campaign_id = crowded.campaign_id
    RETURNING c.*
)
INSERT INTO campaign_counts (workspace_id, campaign_id, status, n)
SELECT workspace_id, campaign_id, status, sum(n) FROM taken GROUP BY 1, 2, 3 HAVING sum(n) <> 0

-- name: fold_message_stats
WITH crowded AS (
    SELECT workspace_id, bucket FROM message_stats GROUP BY 1, 2 HAVING count(*) > 50 + 2 * count(DISTINCT (channel_id, status))
), taken AS (
    DELETE FROM message_stats s USING crowded
    WHERE s.workspace_id = crowded.workspace_id AND s.bucket = crowded.bucket
    RETURNING s.*
)
INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
SELECT workspace_id, bucket, channel_id, status, sum(n) FROM taken GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0

-- name: fold_old_message_stats
-- Quarters of an hour older than eight days become days of the workspace's own clock, so that a year of a busy workspace is a few
-- thousand rows.
WITH taken AS (
    DELETE FROM message_stats s USING workspaces w
    WHERE w.id = s.workspace_id AND s.bucket < now() - interval '8 days'
      AND s.bucket <> date_trunc('day', s.bucket, w.timezone)
    RETURNING s.workspace_id, date_trunc('day', s.bucket, w.timezone) AS day, s.channel_id, s.status, s.n
)
INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
SELECT workspace_id, day, channel_id, status, sum(n) FROM taken GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0

-- name: fold_contact_counts
WITH crowded AS (
    SELECT workspace_id FROM contact_counts GROUP BY 1 HAVING count(*) > 50
), taken AS (
    DELETE FROM contact_counts c USING crowded WHERE c.workspace_id = crowded.workspace_id RETURNING c.*
)
INSERT INTO contact_counts (workspace_id, n) SELECT workspace_id, sum(n) FROM taken GROUP BY 1

-- name: prune_idempotency_keys
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'

-- name: prune_rate_windows
DELETE FROM rate_windows WHERE window_start < now() - interval '10 minutes'

-- name: prune_job_log
DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'

-- name: prune_heartbeats
DELETE FROM worker_heartbeats WHERE seen_at < now() - interval '1 hour'

-- name: prune_import_rows
-- The counts stay on the import; its rows have served once it is over for a month.
DELETE FROM import_rows r USING imports i
WHERE i.workspace_id = r.workspace_id AND i.id = r.import_id AND i.created_at < now() - interval '30 days'

-- name: prune_import_files
-- A file that nobody confirmed within a week: upload it again.
DELETE FROM import_files f USING imports i
WHERE i.workspace_id = f.workspace_id AND i.id = f.import_id AND i.created_at < now() - interval '7 days'

-- name: cancel_stale_imports
UPDATE imports SET status = 'cancelled', finished_at = now() WHERE status = 'ready' AND created_at < now() - interval '7 days'

-- name: prune_sessions
DELETE FROM login_sessions WHERE expires_at < now()

-- name: prune_refresh_tokens
DELETE FROM refresh_tokens WHERE expires_at < now() - interval '1 day'

-- name: prune_invitations
DELETE FROM invitations WHERE expires_at < now()

-- name: prune_inbound_seen
-- No provider tells of a message again after so long.
DELETE FROM inbound_seen WHERE seen_at < now() - interval '7 days'

-- name: prune_channel_activity
-- A month of it, and the newest 500 of a channel: one that fails all day must not crowd the table.
DELETE FROM channel_activity a USING (
    SELECT workspace_id, id, row_number() OVER (PARTITION BY workspace_id, channel_id ORDER BY id DESC) AS place FROM channel_activity
) AS r
WHERE a.workspace_id = r.workspace_id AND a.id = r.id AND (r.place > 500 OR a.id < id_floor(now() - interval '30 days'))

-- name: prune_recipient_pace
-- What a turn did not forget itself, because it did not end: no rule looks back further than an hour.
DELETE FROM recipient_pace WHERE at < now() - interval '1 hour'

-- name: prune_recipient_holds
DELETE FROM recipient_holds WHERE until < now()

-- name: prune_sender_places
DELETE FROM sender_places WHERE seen_at < now() - interval '1 hour'

-- name: prune_channel_day
DELETE FROM channel_day WHERE at < now() - interval '25 hours'

-- name: prune_channel_day_recipients
DELETE FROM channel_day_recipients WHERE at < now() - interval '25 hours'

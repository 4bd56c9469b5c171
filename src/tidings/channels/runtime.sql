-- name: open_channel
SELECT c.workspace_id, c.name, c.provider, c.medium, c.sender, c.settings, c.credentials, c.api_base_url, c.limits, c.hook_token,
       c.enabled, c.stopped_at, w.settings AS workspace_settings
FROM channels c JOIN workspaces w ON w.id = c.workspace_id
WHERE c.id = $1 AND c.deleted_at IS NULL

-- name: stop_channel
WITH stopped AS (
    UPDATE channels SET stopped_code = $2, stopped_detail = $3, stopped_at = now()
    WHERE id = $1 AND stopped_at IS NULL
    RETURNING workspace_id, id, name
)
INSERT INTO alerts (workspace_id, channel_id, kind, message)
SELECT workspace_id, id, $2, format('The channel %s was stopped: %s Its queue waits. Nothing is lost.', name, $3) FROM stopped
ON CONFLICT DO NOTHING

-- name: note_channel_works
WITH used AS (
    UPDATE channels SET last_used_at = now()
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    RETURNING id
)
UPDATE alerts SET resolved_at = now() WHERE channel_id = $1 AND resolved_at IS NULL

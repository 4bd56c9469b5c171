-- name: lock_workspace
-- One upload at a time is weighed against what the workspace may keep. Held for the few statements of this transaction only.
SELECT pg_advisory_xact_lock(hashtextextended('tidings.files', hashtextextended($1::uuid::text, 0)))

-- name: total
-- Uploads under way count, so that many at once do not come to more than one after another.
SELECT coalesce(sum(size), 0)::bigint FROM files
WHERE workspace_id = $1 AND sha256 <> $2 AND deleted_at IS NULL AND (stored_at IS NOT NULL OR begun_at > now() - interval '1 hour')

-- name: begin
-- The row of these bytes, made where there is none. Waits for whoever is removing them just now.
INSERT INTO files (workspace_id, id, kind, content_type, size, sha256, name, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace_id, sha256) DO UPDATE SET begun_at = now()
RETURNING id, stored_at IS NOT NULL AND deleted_at IS NULL AS is_kept

-- name: finish
-- The bytes are in the storage. A row that was deleted meanwhile lives again, under its old id, as the new upload's.
UPDATE files
SET stored_at = now(), deleted_at = NULL, last_used_at = now(),
    name = CASE WHEN deleted_at IS NULL AND stored_at IS NOT NULL THEN name ELSE $3 END,
    created_by = CASE WHEN deleted_at IS NULL AND stored_at IS NOT NULL THEN created_by ELSE $4 END,
    created_at = CASE WHEN deleted_at IS NULL AND stored_at IS NOT NULL THEN created_at ELSE now() END
WHERE workspace_id = $1 AND id = $2
RETURNING workspace_id, id, kind, content_type, size, sha256, name, created_by, created_at, last_used_at

-- name: one
SELECT workspace_id, id, kind, content_type, size, sha256, name, created_by, created_at, last_used_at FROM files
WHERE workspace_id = $1 AND id = $2 AND stored_at IS NOT NULL AND deleted_at IS NULL

-- name: use
-- Those of $2 that there are, kept from being deleted until the end of this transaction.
WITH used AS (
    SELECT workspace_id, id FROM files WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND stored_at IS NOT NULL AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE files f SET last_used_at = now() FROM used u WHERE f.workspace_id = u.workspace_id AND f.id = u.id
RETURNING f.workspace_id, f.id, f.kind, f.content_type, f.size, f.sha256, f.name, f.created_by, f.created_at, f.last_used_at

-- name: note_use
UPDATE files SET last_used_at = now() WHERE workspace_id = $1 AND id = $2 AND last_used_at < now() - interval '1 hour'

-- name: page
-- The newest first, those before ($2, $3).
SELECT workspace_id, id, kind, content_type, size, sha256, name, created_by, created_at, last_used_at FROM files
WHERE workspace_id = $1 AND stored_at IS NOT NULL AND deleted_at IS NULL AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
  AND ($5::text IS NULL OR kind = $5)
ORDER BY created_at DESC, id DESC LIMIT $4

-- name: lock
SELECT true FROM files WHERE workspace_id = $1 AND id = $2 AND stored_at IS NOT NULL AND deleted_at IS NULL FOR UPDATE

-- name: uses
-- What is still to be sent with the file $2, whose outside id is $3.
SELECT (SELECT count(*) FROM messages m WHERE m.workspace_id = $1 AND m.content #>> '{media,id}' IS NOT NULL
           AND m.content #>> '{media,id}' = $3 AND m.waiting)
     + (SELECT count(*) FROM messages m WHERE m.workspace_id = $1 AND m.content #>> '{template,header_media,id}' IS NOT NULL
           AND m.content #>> '{template,header_media,id}' = $3 AND m.waiting) AS messages,
       (SELECT count(*) FROM campaigns c WHERE c.workspace_id = $1 AND $3 IN (c.content #>> '{media,id}', c.content #>> '{template,header_media,id}')
           AND (c.status IN ('draft', 'scheduled', 'launching', 'sending', 'paused')
                OR EXISTS (SELECT FROM fallbacks f WHERE f.workspace_id = $1 AND f.source_id = c.id))) AS campaigns
FROM (SELECT $2::uuid) AS asked

-- name: delete
UPDATE files SET deleted_at = now() WHERE workspace_id = $1 AND id = $2

-- name: unused
-- Files that nothing has used for $1, the longest unused first.
SELECT workspace_id, id FROM files WHERE last_used_at < now() - $1::interval AND stored_at IS NOT NULL AND deleted_at IS NULL
ORDER BY last_used_at LIMIT $2

-- name: to_remove
-- Deleted, or never whole: one whose bytes nobody has been bringing for an hour, locked until they are removed.
SELECT workspace_id, id, sha256 FROM files
WHERE (stored_at IS NULL OR deleted_at IS NOT NULL) AND begun_at < now() - interval '1 hour' AND (deleted_at IS NULL OR deleted_at < now() - $1::interval)
ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: forget
DELETE FROM files WHERE workspace_id = $1 AND id = $2

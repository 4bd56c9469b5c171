-- Uploaded files (docs/media.md). The bytes lie in the storage (files/storage/) under their workspace and SHA-256. A row is written before
-- its bytes and goes after them, so that whatever lies in the storage has a row that names it, at whatever moment a process dies.
CREATE TABLE files (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document')),
    -- Told by the bytes, never by whoever sent them.
    content_type text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- By a message or campaign that was accepted with it, or a worker that read it to send it.
    last_used_at timestamptz NOT NULL DEFAULT now(),
    -- When somebody last began to put the bytes into the storage.
    begun_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: the bytes are on their way, or whoever sent them broke off.
    stored_at timestamptz,
    -- The bytes are yet to be removed from the storage.
    deleted_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    -- The same bytes are kept once.
    UNIQUE (workspace_id, sha256)
);
CREATE INDEX files_unused ON files (last_used_at);
CREATE INDEX files_to_remove ON files (begun_at) WHERE stored_at IS NULL OR deleted_at IS NOT NULL;

-- What is still to be sent with a file, looked up before one is deleted. Only messages with a file stand in them.
CREATE INDEX messages_waiting_with_file ON messages (workspace_id, (content #>> '{media,id}'))
    WHERE content #>> '{media,id}' IS NOT NULL AND waiting;
CREATE INDEX messages_waiting_with_header ON messages (workspace_id, (content #>> '{template,header_media,id}'))
    WHERE content #>> '{template,header_media,id}' IS NOT NULL AND waiting;

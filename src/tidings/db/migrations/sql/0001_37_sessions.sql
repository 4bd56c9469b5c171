-- Standing sessions with a service (linked devices): where each stands, for the person who watches, and what it goes on with.
CREATE TABLE channel_sessions (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('connecting', 'pairing', 'connected', 'logged_out')),
    detail text NOT NULL DEFAULT '',
    -- Whoever scans it links a phone: shown for a minute, and only while the session waits for one.
    qr text NOT NULL DEFAULT '',
    pairing_code text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    -- Sealed by the vault. It changes with every message that is encrypted.
    secret bytea,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, channel_id),
    UNIQUE (channel_id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE,
    CHECK (state = 'pairing' OR (qr = '' AND pairing_code = ''))
);
-- Already encrypted, so compressing it costs time and gains nothing.
ALTER TABLE channel_sessions ALTER COLUMN secret SET STORAGE EXTERNAL;

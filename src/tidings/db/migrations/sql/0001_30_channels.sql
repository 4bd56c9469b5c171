CREATE TABLE channels (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    provider text NOT NULL,
    medium text NOT NULL,
    sender text NOT NULL DEFAULT '',
    settings jsonb NOT NULL DEFAULT '{}',
    -- Sealed by the vault. The hints tell which secrets are set, and the last letters of the long ones.
    credentials bytea NOT NULL,
    credential_hints jsonb NOT NULL DEFAULT '{}',
    api_base_url text NOT NULL DEFAULT '',
    limits jsonb NOT NULL DEFAULT '{}',
    hook_token text NOT NULL UNIQUE,
    is_default boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    -- Why the engine stopped it, cleared when its owner mends and restarts it.
    stopped_code text,
    stopped_detail text,
    stopped_at timestamptz,
    balance_micros bigint,
    balance_currency text,
    balance_at timestamptz,
    last_used_at timestamptz,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (id),
    CHECK ((stopped_code IS NULL) = (stopped_at IS NULL))
);
CREATE UNIQUE INDEX channels_one_default ON channels (workspace_id, medium) WHERE is_default AND deleted_at IS NULL;
CREATE UNIQUE INDEX channels_name ON channels (workspace_id, lower(name)) WHERE deleted_at IS NULL;

-- The pace and breaker of a channel, shared by all workers: what may leave is reserved here before it leaves.
CREATE TABLE channel_pace (
    channel_id uuid PRIMARY KEY,
    next_free_at timestamptz NOT NULL DEFAULT 'epoch',
    paused_until timestamptz NOT NULL DEFAULT 'epoch',
    pause_reason text,
    failures_in_row integer NOT NULL DEFAULT 0,
    breaker text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open'))
) WITH (fillfactor = 50);

CREATE TABLE alerts (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT new_id(),
    channel_id uuid,
    kind text NOT NULL,
    message text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (workspace_id, id)
);
-- One open alert of a kind for a channel: told once, and again only after it worked in between.
CREATE UNIQUE INDEX alerts_open ON alerts (workspace_id, channel_id, kind) WHERE resolved_at IS NULL;

-- Messages from people that are already in the ledger: a provider that tells twice (it had no answer in time) makes no second one.
-- Pruned after some days, when no provider tells again.
CREATE TABLE inbound_seen (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    channel_id uuid NOT NULL,
    provider_message_id text NOT NULL,
    message_id uuid NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, channel_id, provider_message_id)
);
CREATE INDEX inbound_seen_age ON inbound_seen (seen_at);

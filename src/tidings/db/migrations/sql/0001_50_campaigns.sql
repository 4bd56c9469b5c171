CREATE TABLE campaigns (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    text text NOT NULL,
    channel_id uuid NOT NULL,
    audience jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'scheduled', 'launching', 'sending', 'paused', 'done', 'cancelled')),
    scheduled_at timestamptz,
    validity_seconds integer CHECK (validity_seconds > 0),
    delivery text NOT NULL DEFAULT 'at_most_once' CHECK (delivery IN ('at_least_once', 'at_most_once')),
    resend_of uuid,
    -- Recipients taken on, counted by the fan-out and by nothing else: what the ledger must add up to.
    accepted integer NOT NULL DEFAULT 0,
    -- How far the fan-out got: the last contact point written, moved on in the transaction that writes the messages.
    fanned_out_to uuid,
    fanned_out_at timestamptz,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    launched_at timestamptz,
    paused_at timestamptz,
    finished_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (workspace_id, id),
    CHECK (status <> 'scheduled' OR scheduled_at IS NOT NULL)
);
CREATE INDEX campaigns_due ON campaigns (scheduled_at) WHERE status = 'scheduled';
CREATE INDEX campaigns_open ON campaigns (workspace_id, id) WHERE status IN ('launching', 'sending', 'paused');

-- How fast each campaign goes at the moment, sampled by the worker every second. Lost in a database crash, which only resets it.
CREATE UNLOGGED TABLE campaign_pace (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    sampled_at timestamptz NOT NULL,
    gone integer NOT NULL,
    per_second real NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, campaign_id)
) WITH (fillfactor = 50);

-- How channels fare: who runs them, whether they work, what happened to them.
--
-- What a channel is to be is on its own row: `enabled` (its owner's wish) and `stopped_code` (why the engine stopped it). How it really
-- fares is told here, and only by whoever runs or probes it.

-- Which way what comes in is taken: the provider calls the hook, or a worker asks for it.
ALTER TABLE channels ADD COLUMN receive text NOT NULL DEFAULT 'hook' CHECK (receive IN ('hook', 'polling'));
-- When it was last switched on or off.
ALTER TABLE channels ADD COLUMN switched_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX channels_run ON channels (provider, receive) WHERE enabled AND stopped_at IS NULL AND deleted_at IS NULL;

-- The workers that run channels. This row is the lease of everything a worker runs: renewed by one small write however many those are;
-- once it has expired, others take over.
CREATE TABLE channel_workers (
    worker_id uuid PRIMARY KEY,
    -- How many it may run: its share is by this.
    capacity integer NOT NULL CHECK (capacity > 0),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT ON channel_workers TO tidings_app;

CREATE TABLE channel_standing (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    channel_id uuid NOT NULL UNIQUE,
    -- Who runs it (a poll, a standing session). The fence grows with every taking: what an earlier holder still wants to write is refused.
    worker_id uuid,
    fence bigint NOT NULL DEFAULT 0,
    -- Grows when a run must begin anew: other credentials, another way of receiving, a restart.
    generation integer NOT NULL DEFAULT 0,
    run_generation integer NOT NULL DEFAULT 0,
    run_state text CHECK (run_state IN ('starting', 'running', 'degraded')),
    run_since timestamptz,
    run_detail text,
    -- Where polling stands, and which way the service was last told (`polling`, or `hook` with the public address).
    cursor text NOT NULL DEFAULT '',
    told text,
    -- What the last probe proved.
    health text NOT NULL DEFAULT 'unknown' CHECK (health IN ('unknown', 'healthy', 'unhealthy')),
    health_since timestamptz NOT NULL DEFAULT now(),
    health_detail text,
    checked_at timestamptz,
    latency_ms integer,
    failures_in_row integer NOT NULL DEFAULT 0,
    next_check_at timestamptz NOT NULL DEFAULT now() + random() * interval '60 seconds',
    -- Until when the queue is held because of probes; a longer pause is somebody else's wish.
    held_until timestamptz,
    PRIMARY KEY (workspace_id, channel_id)
) WITH (fillfactor = 70);
CREATE INDEX channel_standing_worker ON channel_standing (worker_id) WHERE worker_id IS NOT NULL;
CREATE INDEX channel_standing_due ON channel_standing (next_check_at);

CREATE FUNCTION channel_gets_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channel_standing (workspace_id, channel_id) VALUES (NEW.workspace_id, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER channel_gets_standing AFTER INSERT ON channels FOR EACH ROW EXECUTE FUNCTION channel_gets_standing();

-- What happened to a channel: starts, stops, failing polls, probes, refused hook calls. Pruned by age and by count.
CREATE TABLE channel_activity (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT new_id(),
    channel_id uuid NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL DEFAULT '' CHECK (length(detail) <= 500),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX channel_activity_channel ON channel_activity (workspace_id, channel_id, id);

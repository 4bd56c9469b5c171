-- Whom a channel wrote to lately, for channels with a pace for each recipient: reserved in the claim's transaction, under the lock of
-- channel_pace, before anything leaves. `at` is when the provider has the message at the latest; once the request has ended, its end.
-- Rows live as long as the channel's longest rule looks back.
CREATE TABLE recipient_pace (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    address text NOT NULL,
    message_id uuid NOT NULL,
    attempt smallint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, address, message_id, attempt)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1);

-- Recipients whom a provider asked to leave alone for a while (a 429 that concerns them and nobody else).
CREATE TABLE recipient_holds (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    address text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, address)
);

-- The places taken of a channel's rolling 24 hours, by the moment they count under (rounded up to ten seconds, so that the sum over the
-- last 24 hours is never too small). A place is a message, or a recipient written to last at that moment.
CREATE TABLE channel_day (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    at timestamptz NOT NULL,
    n integer NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, at)
) WITH (fillfactor = 70);

-- Where a day counts recipients: when each was written to last.
CREATE TABLE channel_day_recipients (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, address)
) WITH (fillfactor = 70);

-- Channels that send, or wait in line to, where a workspace lets only so many of a provider's send at once (delivery/senders.sql).
CREATE TABLE sender_places (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    provider text NOT NULL,
    -- How many may at once, as the channel knew it when it asked.
    most integer NOT NULL CHECK (most > 0),
    -- The drain that holds the place; NULL: in line for one.
    job_id bigint,
    asked_at timestamptz NOT NULL,
    -- When it asked last.
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, channel_id)
) WITH (fillfactor = 50);

-- Routes: ordered channels with rules, by which a message goes and falls back (docs/decisions/0006-fallback-as-tries.md).
CREATE TABLE routes (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- Messages of this class go by it although they name no route; empty: only those that name it.
    message_class text NOT NULL DEFAULT '' CHECK (length(message_class) <= 50),
    -- Of that class only those of this medium; empty: of any.
    medium text NOT NULL DEFAULT '',
    -- What is under way still follows a deleted route; nothing new does.
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX routes_name ON routes (workspace_id, lower(name)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX routes_of_class ON routes (workspace_id, message_class, medium) WHERE message_class <> '' AND deleted_at IS NULL;

CREATE TABLE route_steps (
    workspace_id uuid NOT NULL,
    route_id uuid NOT NULL,
    position smallint NOT NULL,
    channel_id uuid NOT NULL,
    wished text NOT NULL DEFAULT 'sent' CHECK (wished IN ('sent', 'delivered', 'read')),
    -- How long the wished receipt may take; NULL: it is waited for without end, only an error goes on.
    wait_seconds integer CHECK (wait_seconds BETWEEN 5 AND 604800),
    PRIMARY KEY (workspace_id, route_id, position),
    UNIQUE (workspace_id, route_id, channel_id),
    FOREIGN KEY (workspace_id, route_id) REFERENCES routes ON DELETE CASCADE
);
CREATE INDEX route_steps_of_channel ON route_steps (workspace_id, channel_id);

ALTER TABLE messages
    ADD COLUMN route_id uuid,
    -- The step that chose its channel; NULL once its route has no other channel for it.
    ADD COLUMN route_step smallint,
    -- The first of the tries of which this is a later one.
    ADD COLUMN try_of uuid,
    -- Another try speaks for the recipient: of the tries for one recipient exactly one is not superseded, and only it is counted.
    ADD COLUMN superseded boolean NOT NULL DEFAULT false,
    -- By medium, where the sender named them: the addresses that later steps may use.
    ADD COLUMN addresses jsonb,
    -- Steps that were passed over when this one was chosen, with the reason of each.
    ADD COLUMN skipped jsonb,
    -- Media, buttons, template, subject, the message it answers (delivery/content.py); NULL where there is text alone.
    ADD COLUMN content jsonb;
-- What may have to leave a channel that went down.
CREATE INDEX messages_routed_waiting ON messages (channel_id, due_at, id)
    WHERE route_step IS NOT NULL AND waiting;
-- What went by a route lately.
CREATE INDEX messages_of_route ON messages (workspace_id, route_id, id) WHERE route_id IS NOT NULL;

-- The later tries of a message in order. Its key is the promise that no try is made twice. The first one is number 0 and not here.
CREATE TABLE message_tries (
    workspace_id uuid NOT NULL,
    first_id uuid NOT NULL,
    number smallint NOT NULL CHECK (number > 0),
    message_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, first_id, number)
);

-- When to look whether a message must fall back: something happened to one of its tries, or a receipt is overdue. Rows are only added
-- by whoever writes messages and only taken away by the loop that looks, so that neither ever waits for the other.
CREATE TABLE fallbacks (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT new_id(),
    -- The first of the tries.
    message_id uuid NOT NULL,
    source_id uuid NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX fallbacks_due ON fallbacks (due_at, id);
CREATE INDEX fallbacks_of_message ON fallbacks (workspace_id, message_id);
CREATE INDEX fallbacks_of_source ON fallbacks (workspace_id, source_id);

ALTER TABLE campaigns ADD COLUMN route_id uuid, ADD COLUMN content jsonb;
-- A cancelled source makes no further tries, whatever becomes of what was in the air.
ALTER TABLE message_contents ADD COLUMN cancelled_at timestamptz, ADD COLUMN content jsonb;

-- A campaign counts recipients: of several tries for one, only the one that speaks for them. Statistics of channels count every message.
CREATE OR REPLACE FUNCTION count_new_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_counts (workspace_id, campaign_id, status, n)
    SELECT workspace_id, campaign_id, status, count(*) FROM new_rows
    WHERE campaign_id IS NOT NULL AND NOT superseded GROUP BY 1, 2, 3;
    INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
    SELECT workspace_id, stats_bucket(created_at), channel_id, status, count(*) FROM new_rows GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_changed_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_counts (workspace_id, campaign_id, status, n)
    SELECT workspace_id, campaign_id, status, sum(n) FROM (
        SELECT workspace_id, campaign_id, status, count(*) AS n FROM new_rows
        WHERE campaign_id IS NOT NULL AND NOT superseded GROUP BY 1, 2, 3
        UNION ALL
        SELECT workspace_id, campaign_id, status, -count(*) FROM old_rows
        WHERE campaign_id IS NOT NULL AND NOT superseded GROUP BY 1, 2, 3
    ) AS change GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
    SELECT workspace_id, bucket, channel_id, status, sum(n) FROM (
        SELECT workspace_id, stats_bucket(created_at) AS bucket, channel_id, status, count(*) AS n FROM new_rows GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT workspace_id, stats_bucket(created_at), channel_id, status, -count(*) FROM old_rows GROUP BY 1, 2, 3, 4
    ) AS change GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
    RETURN NULL;
END $$;

-- Whatever ends a try of a routed message has its tries looked at, in the same transaction, so that no statement can forget it.
CREATE FUNCTION note_routed_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE route_id IS NOT NULL) THEN
        INSERT INTO fallbacks (workspace_id, message_id, source_id)
        SELECT DISTINCT n.workspace_id, coalesce(n.try_of, n.id), n.source_id
        FROM new_rows n JOIN old_rows o ON o.workspace_id = n.workspace_id AND o.id = n.id
        WHERE n.route_id IS NOT NULL AND n.status <> o.status AND n.status NOT IN ('scheduled', 'queued', 'sending');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_routed AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_routed_messages();

-- The templates that a channel's provider has approved or is looking at, as last asked.
CREATE TABLE channel_templates (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    channel_id uuid NOT NULL,
    templates jsonb NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, channel_id)
);

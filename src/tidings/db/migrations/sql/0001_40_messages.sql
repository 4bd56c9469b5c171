-- The ledger and the queue in one. Partitioned by id, which is time-ordered (UUIDv7): a month a partition.
CREATE TABLE messages (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    direction text NOT NULL DEFAULT 'out' CHECK (direction IN ('out', 'in')),
    campaign_id uuid,
    -- What is held, claimed and counted together: the campaign, or the nil id for messages sent on their own.
    source_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(campaign_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
    contact_id uuid,
    channel_id uuid NOT NULL,
    medium text NOT NULL,
    address text NOT NULL,
    reference text,
    -- Final text of a message sent on its own; NULL where it is made of the campaign's frozen text and these variables.
    text text,
    variables jsonb,
    delivery text NOT NULL DEFAULT 'at_least_once' CHECK (delivery IN ('at_least_once', 'at_most_once')),
    priority smallint NOT NULL DEFAULT 0,
    status text NOT NULL CHECK (status IN ('scheduled', 'queued', 'sending', 'sent', 'delivered', 'read',
                                           'failed', 'unknown', 'suppressed', 'cancelled', 'expired', 'received')),
    due_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    attempt smallint NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    claimed_at timestamptz,
    provider_message_id text,
    possible_duplicate boolean NOT NULL DEFAULT false,
    -- The one answer that a STOP is owed goes out although its recipient just opted out.
    is_confirmation boolean NOT NULL DEFAULT false,
    resend_of uuid,
    segments smallint,
    cost_micros bigint,
    cost_currency text,
    error_code text,
    error_detail text,
    suppression text,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    settled_at timestamptz,
    -- Who sent a message of its own: an e-mail address or a key's name. A campaign knows its author itself.
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- What indexes ask instead of the status: a claim changes neither, so it needs no new entry in any index (heap-only tuples). No
    -- index may name `status`, `claimed_at` or `attempt` (docs/decisions/0011-claims-touch-no-index.md).
    waiting boolean NOT NULL GENERATED ALWAYS AS (status IN ('scheduled', 'queued', 'sending')) STORED,
    ended_as text GENERATED ALWAYS AS (
        CASE WHEN status IN ('failed', 'unknown', 'suppressed', 'cancelled', 'expired') THEN status END) STORED,
    PRIMARY KEY (workspace_id, id),
    CHECK ((direction = 'in') = (status = 'received')),
    CHECK (status <> 'sending' OR claimed_at IS NOT NULL),
    CHECK ((status = 'suppressed') = (suppression IS NOT NULL)),
    CHECK (status <> 'failed' OR error_code IS NOT NULL)
) PARTITION BY RANGE (id);

-- What is still to go, by channel, the most urgent first, each campaign apart so that one can be held without a scan.
CREATE INDEX messages_due ON messages
    (channel_id, priority, source_id, due_at, id)
    WHERE waiting;
-- Receipts find their message.
CREATE INDEX messages_provider_id ON messages (channel_id, provider_message_id) WHERE provider_message_id IS NOT NULL;
-- The ledger of a campaign; the timeline of a contact; the messages of a caller's reference.
CREATE INDEX messages_of_campaign ON messages (workspace_id, campaign_id, id) WHERE campaign_id IS NOT NULL;
CREATE INDEX messages_of_contact ON messages (workspace_id, contact_id, id) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_of_reference ON messages (workspace_id, reference, id) WHERE reference IS NOT NULL;
-- What came in, told apart by the provider's id: the same webhook twice is one message.
CREATE INDEX messages_inbound ON messages (workspace_id, id) WHERE direction = 'in';

-- Those that ended badly, of a workspace and of a campaign: few among many, so only they pay for the index that finds them.
CREATE INDEX messages_ended_badly ON messages (workspace_id, ended_as, id) WHERE ended_as IS NOT NULL;
CREATE INDEX messages_ended_badly_of_campaign ON messages (workspace_id, campaign_id, ended_as, id)
    WHERE campaign_id IS NOT NULL AND ended_as IS NOT NULL;
-- The history of an address that is no contact's; a contact's is found by the contact.
CREATE INDEX messages_of_strangers ON messages (workspace_id, address, id) WHERE contact_id IS NULL;
-- Whether somebody has been sent to again.
CREATE INDEX messages_resends ON messages (workspace_id, resend_of) WHERE resend_of IS NOT NULL;

-- Where to look for what is in the air: the messages of each claim, written with it and deleted when all of them are settled. Whether one
-- is still in the air its own row says.
CREATE TABLE claims (
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    message_ids uuid[] NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, id)
);
ALTER TABLE claims ALTER COLUMN message_ids SET STORAGE EXTERNAL;

-- One request to a provider for one message. Written when it ended; an attempt without a row is in flight or was lost.
CREATE TABLE attempts (
    workspace_id uuid NOT NULL,
    message_id uuid NOT NULL,
    number smallint NOT NULL,
    channel_id uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'failed', 'uncertain', 'not_sent')),
    code text,
    provider_code text,
    detail text,
    provider_message_id text,
    latency_ms integer,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, message_id, number)
) PARTITION BY RANGE (message_id);

-- Every word a provider ever said of a message, matched or not.
CREATE TABLE receipts (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT new_id(),
    channel_id uuid NOT NULL,
    message_id uuid,
    provider_message_id text NOT NULL,
    status text NOT NULL,
    provider_status text NOT NULL,
    code text,
    detail text,
    segments smallint,
    cost_micros bigint,
    cost_currency text,
    reported_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX receipts_of_message ON receipts (workspace_id, message_id) WHERE message_id IS NOT NULL;
-- Those of no known message: matched again in the order they came, and shown.
CREATE INDEX receipts_unmatched ON receipts (id) WHERE message_id IS NULL;
CREATE INDEX receipts_unmatched_of_workspace ON receipts (workspace_id, id) WHERE message_id IS NULL;

-- The frozen text of a source, written once before its first message and never changed.
CREATE TABLE message_contents (
    workspace_id uuid NOT NULL,
    source_id uuid NOT NULL,
    -- What people call the source: the campaign's name when it was launched.
    source_name text NOT NULL DEFAULT '',
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, source_id)
);

-- Sources (campaigns; the nil id for single messages) of which nothing may leave now.
CREATE TABLE delivery_holds (
    workspace_id uuid NOT NULL,
    source_id uuid NOT NULL,
    held_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, source_id)
);

-- The (priority, source) pairs of a channel that have anything waiting: a loose index scan, one probe for each.
CREATE FUNCTION waiting_sources(channel uuid) RETURNS TABLE (priority smallint, source_id uuid)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE source AS (
        (SELECT m.priority, m.source_id FROM messages m
         WHERE m.channel_id = channel AND m.waiting AND m.status IN ('scheduled', 'queued')
         ORDER BY m.priority, m.source_id LIMIT 1)
        UNION ALL
        SELECT later.priority, later.source_id
        FROM source s CROSS JOIN LATERAL (
            SELECT m.priority, m.source_id FROM messages m
            WHERE m.channel_id = channel AND m.waiting AND m.status IN ('scheduled', 'queued') AND (m.priority, m.source_id) > (s.priority, s.source_id)
            ORDER BY m.priority, m.source_id LIMIT 1
        ) later
    )
    SELECT s.priority, s.source_id FROM source s
$$;

-- Whether a drain of this channel would find anything: due messages that are not held, or claims a dead worker left behind.
CREATE FUNCTION channel_has_due(workspace uuid, channel uuid, claim_age interval) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM waiting_sources(channel) s
        WHERE NOT EXISTS (SELECT FROM delivery_holds h WHERE h.workspace_id = workspace AND h.source_id = s.source_id)
          AND (SELECT m.due_at <= now() FROM messages m
               WHERE m.channel_id = channel AND m.waiting AND m.status IN ('scheduled', 'queued')
                 AND m.priority = s.priority AND m.source_id = s.source_id
               ORDER BY m.due_at, m.id LIMIT 1)
    ) OR EXISTS (
        SELECT FROM claims c WHERE c.workspace_id = workspace AND c.channel_id = channel AND c.at < now() - claim_age
    )
$$;

-- Campaign counts by status, as increments that are folded together now and then: their sum is exact at every moment,
-- and no two writers ever wait for one another.
CREATE TABLE campaign_counts (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    status text NOT NULL,
    n integer NOT NULL
) WITH (fillfactor = 100);
CREATE INDEX campaign_counts_of_campaign ON campaign_counts (workspace_id, campaign_id);

-- How many messages made in which quarter of an hour stand where now, by channel; increments too. Quarters, because some
-- timezones begin their day at a quarter to the hour; housekeeping folds old ones into days.
CREATE TABLE message_stats (
    workspace_id uuid NOT NULL,
    bucket timestamptz NOT NULL,
    channel_id uuid NOT NULL,
    status text NOT NULL,
    n integer NOT NULL
) WITH (fillfactor = 100);
CREATE INDEX message_stats_of_workspace ON message_stats (workspace_id, bucket);
-- Where the messages of a channel or a state are to be looked for.
CREATE INDEX message_stats_of_channel ON message_stats (workspace_id, channel_id, status, bucket);

CREATE FUNCTION stats_bucket(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT date_bin('15 minutes', moment, '2000-01-01 00:00:00+00') $$;

-- Counting is done here so that no statement that changes a status can forget it.
CREATE FUNCTION count_new_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_counts (workspace_id, campaign_id, status, n)
    SELECT workspace_id, campaign_id, status, count(*) FROM new_rows
    WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 3;
    INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
    SELECT workspace_id, stats_bucket(created_at), channel_id, status, count(*) FROM new_rows GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
CREATE FUNCTION count_changed_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_counts (workspace_id, campaign_id, status, n)
    SELECT workspace_id, campaign_id, status, sum(n) FROM (
        SELECT workspace_id, campaign_id, status, count(*) AS n FROM new_rows WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 3
        UNION ALL
        SELECT workspace_id, campaign_id, status, -count(*) FROM old_rows WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 3
    ) AS change GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    INSERT INTO message_stats (workspace_id, bucket, channel_id, status, n)
    SELECT workspace_id, bucket, channel_id, status, sum(n) FROM (
        SELECT workspace_id, stats_bucket(created_at) AS bucket, channel_id, status, count(*) AS n FROM new_rows GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT workspace_id, stats_bucket(created_at), channel_id, status, -count(*) FROM old_rows GROUP BY 1, 2, 3, 4
    ) AS change GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_counted_new AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_new_messages();
CREATE TRIGGER messages_counted_changed AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_changed_messages();

-- Makes the partitions of the months around now. The worker calls it daily; it runs with the owner's rights.
CREATE FUNCTION ensure_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    parent text;
    month timestamptz;
    name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tidings.ensure_partitions'));
    FOREACH parent IN ARRAY ARRAY['messages', 'attempts', 'receipts'] LOOP
        FOR i IN -1..months_ahead LOOP
            month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
            month := ((month AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC';
            name := format('%s_%s', parent, to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'));
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent,
                    id_floor(month), id_floor(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
                IF parent = 'messages' THEN
                    -- Three versions a message: vacuum by count, not by share, or the queue's index drags dead entries along. Half of
                    -- each page is left free for the claims of what stands on it.
                    EXECUTE format('ALTER TABLE %I SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1, autovacuum_analyze_scale_factor = 0.05)', name);
                END IF;
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
SELECT ensure_partitions();

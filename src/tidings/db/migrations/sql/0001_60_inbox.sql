-- Conversations, one-time links, personal channels, and the outbox of what happened.

-- One for each channel and address that has written to us. Their messages are found by query, nothing is copied. Kept by
-- messages/conversations.py in the transaction of the message.
CREATE TABLE conversations (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    medium text NOT NULL,
    address text COLLATE "C" NOT NULL,
    contact_id uuid,
    -- Contacts that had this address before: their messages are part of the conversation too.
    former_contacts uuid[] NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    assigned_to uuid,
    -- Messages from the person that nobody has looked at.
    unread integer NOT NULL DEFAULT 0 CHECK (unread >= 0),
    -- The last message either way; a campaign's does not count, or every mailing would stir up the whole list.
    last_message_at timestamptz NOT NULL,
    -- When the person wrote last: a provider's window for free text is counted from here.
    last_inbound_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, channel_id, address)
);
CREATE INDEX conversations_latest ON conversations (workspace_id, last_message_at, id);
CREATE INDEX conversations_unread ON conversations (workspace_id, last_message_at, id) WHERE unread > 0;
CREATE INDEX conversations_of_contact ON conversations (workspace_id, contact_id) WHERE contact_id IS NOT NULL;

-- What happened, for whoever acts on it later. Written with what it tells of; put in order by its readers (outbox/outbox.sql).
CREATE TABLE events (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    data jsonb NOT NULL,
    position bigint,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX events_new ON events (id) WHERE position IS NULL;
CREATE INDEX events_in_order ON events (position) WHERE position IS NOT NULL;
CREATE INDEX events_age ON events (id);
CREATE SEQUENCE event_positions;
GRANT USAGE ON SEQUENCE event_positions TO tidings_engine;

-- One-time codes by which a chat becomes a contact's address, or that of a personal channel's owner. Only their hashes are kept.
CREATE TABLE link_codes (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    channel_id uuid NOT NULL,
    contact_id uuid,
    user_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by text,
    PRIMARY KEY (workspace_id, code_hash),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE,
    CHECK ((contact_id IS NULL) <> (user_id IS NULL)),
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);
CREATE INDEX link_codes_of_contact ON link_codes (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX link_codes_of_user ON link_codes (workspace_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX link_codes_expiry ON link_codes (expires_at);

-- A personal channel belongs to one member: nobody else sees it, what it carries, or even its name.
ALTER TABLE channels
    ADD COLUMN owner_id uuid,
    -- The owner's own chat, once linked.
    ADD COLUMN owner_address text,
    ADD COLUMN owner_linked_at timestamptz,
    ADD CONSTRAINT channels_personal_is_no_default CHECK (owner_id IS NULL OR NOT is_default),
    ADD CONSTRAINT channels_owner_linked CHECK ((owner_address IS NULL) = (owner_linked_at IS NULL));
CREATE INDEX channels_personal ON channels (workspace_id, id) INCLUDE (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX channels_of_owner ON channels (workspace_id, owner_id) WHERE owner_id IS NOT NULL AND deleted_at IS NULL;
DROP INDEX channels_name;
CREATE UNIQUE INDEX channels_name ON channels (workspace_id, coalesce(owner_id, '00000000-0000-0000-0000-000000000000'::uuid), lower(name))
    WHERE deleted_at IS NULL;

-- A central channel is one of the workspace's that members' personal messages went by before they had channels of their own. Their
-- addresses on it are kept, so that it is known who has yet to set one up.
ALTER TABLE channels
    ADD COLUMN is_central boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT channels_central_is_the_workspaces CHECK (owner_id IS NULL OR NOT is_central);
CREATE TABLE central_addresses (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    channel_id uuid NOT NULL,
    user_id uuid NOT NULL,
    address text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, channel_id, user_id),
    UNIQUE (workspace_id, channel_id, address),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, user_id) REFERENCES members ON DELETE CASCADE
);
-- Every page asks by the member.
CREATE INDEX central_addresses_of_member ON central_addresses (workspace_id, user_id);

-- Whether the owner's chat, or their phone, is linked to a personal channel. A linked phone that just connects anew is still linked.
CREATE FUNCTION is_joined(channel channels) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT channel.owner_address IS NOT NULL OR EXISTS (
        SELECT FROM channel_sessions s
        WHERE s.workspace_id = channel.workspace_id AND s.channel_id = channel.id
          AND (s.state = 'connected' OR (s.state = 'connecting' AND s.address <> '' AND s.secret IS NOT NULL)))
$$;

-- Whether a member has a channel of their own for a medium that is on and joined. Who has one has moved.
CREATE FUNCTION has_own_channel(workspace uuid, member uuid, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM channels c
        WHERE c.workspace_id = workspace AND c.owner_id = member AND c.medium = wanted AND c.enabled AND c.deleted_at IS NULL
          AND is_joined(c)
    )
$$;

-- Who leaves a workspace takes their channels along: secrets are destroyed, what still waited is cancelled, conversations are nobody's.
CREATE FUNCTION retire_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone uuid[];
BEGIN
    UPDATE conversations SET assigned_to = NULL WHERE workspace_id = OLD.workspace_id AND assigned_to = OLD.user_id;
    WITH retired AS (
        UPDATE channels SET deleted_at = now(), enabled = false, credentials = '', credential_hints = '{}', updated_at = now()
        WHERE workspace_id = OLD.workspace_id AND owner_id = OLD.user_id AND deleted_at IS NULL RETURNING id
    )
    SELECT array_agg(id) INTO gone FROM retired;
    IF gone IS NOT NULL THEN
        UPDATE messages SET status = 'cancelled', settled_at = now()
        WHERE workspace_id = OLD.workspace_id AND channel_id = ANY (gone) AND status IN ('scheduled', 'queued');
        UPDATE alerts SET resolved_at = now() WHERE workspace_id = OLD.workspace_id AND channel_id = ANY (gone) AND resolved_at IS NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER members_retired AFTER DELETE ON members FOR EACH ROW EXECUTE FUNCTION retire_member();

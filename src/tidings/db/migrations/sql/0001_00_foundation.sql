-- Roles, ids and the helpers that every later table leans on.
--
-- tidings_app     what the API runs as: sees one workspace at a time, the one named in tidings.workspace_id
-- tidings_engine  what the worker and the few doors before a workspace is known (login, API keys, hooks) run as: sees all

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidings_app') THEN
        CREATE ROLE tidings_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidings_engine') THEN
        CREATE ROLE tidings_engine NOLOGIN;
    END IF;
    -- Who was given both by an administrator may not give them on, and need not.
    BEGIN
        EXECUTE format('GRANT tidings_app, tidings_engine TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege THEN
        IF NOT (pg_has_role('tidings_app', 'MEMBER') AND pg_has_role('tidings_engine', 'MEMBER')) THEN
            RAISE;
        END IF;
    END;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format(
        'Tidings needs two roles that %1$I may not create. Ask your database administrator to run: CREATE ROLE tidings_app NOLOGIN; CREATE ROLE tidings_engine NOLOGIN; GRANT tidings_app, tidings_engine TO %1$I;',
        current_user);
END $$;

-- The workspace of this transaction; NULL, which equals nothing, when nobody named one.
CREATE FUNCTION current_workspace() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('tidings.workspace_id', true), '')::uuid $$;

-- UUIDv7 (RFC 9562): 48 bits of milliseconds, then random.
CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
$$;

-- The smallest UUIDv7 of a moment.
CREATE FUNCTION id_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL,
    status_code smallint,
    response jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- A worker writes here every two seconds; /ready and doctor read it.
CREATE TABLE worker_heartbeats (
    worker_id uuid PRIMARY KEY,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

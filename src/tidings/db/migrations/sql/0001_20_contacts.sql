-- Contacts, groups and spreadsheet imports, and the search over contacts (docs/decisions/0003-contact-search.md).

-- Text as it is searched: compatibility forms undone, accents, case and curly apostrophes taken away. Most names are plain ASCII and
-- skip the dear part.
CREATE FUNCTION plain_text(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(value) = length(value) THEN lower(value) ELSE
        translate(lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g')), 'øłđðħŧı’‘ʼ`´', 'olddhti''''''''''')
    END
$$;

-- Every three letters in a row, as numbers that differ from workspace to workspace: in one index no tenant's contacts make another's
-- search longer. plpgsql is four times as fast here as an SQL aggregate.
CREATE FUNCTION search_tokens(workspace uuid, value text) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    tokens bigint[] := '{}';
    seed bigint := uuid_hash_extended(workspace, 0);
BEGIN
    FOR i IN 1 .. length(value) - 2 LOOP
        tokens := tokens || hashtextextended(substr(value, i, 3), seed);
    END LOOP;
    RETURN tokens;
END $$;

CREATE TABLE contacts (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    locale text,
    timezone text,
    attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    -- The name, then each address on a line of its own, as plain_text: kept by the triggers below, read by the search.
    search_text text COLLATE "C" NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX contacts_tokens ON contacts USING gin (search_tokens(workspace_id, search_text));
CREATE INDEX contacts_by_name ON contacts (workspace_id, search_text, id);

-- One address of a contact. An address belongs to one contact of a workspace.
CREATE TABLE contact_points (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    medium text NOT NULL,
    -- Compared byte by byte, so that the unique index also finds the numbers that begin with something.
    address text COLLATE "C" NOT NULL CHECK (length(address) BETWEEN 1 AND 320),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, medium, address),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);
CREATE INDEX contact_points_of_contact ON contact_points (workspace_id, contact_id, medium);

-- What a contact is found by.
CREATE FUNCTION contact_search_text(workspace uuid, contact uuid, name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT plain_text(name) || coalesce((
        SELECT string_agg(E'\n' || plain_text(p.address), '' ORDER BY p.id) FROM contact_points p
        WHERE p.workspace_id = workspace AND p.contact_id = contact
    ), '')
$$;
CREATE FUNCTION fill_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search_text := contact_search_text(NEW.workspace_id, NEW.id, NEW.name);
    RETURN NEW;
END $$;
-- The import writes contacts with their search text already made, which these two leave alone.
CREATE TRIGGER contacts_search_text_new BEFORE INSERT ON contacts
    FOR EACH ROW WHEN (NEW.search_text = '') EXECUTE FUNCTION fill_search_text();
CREATE TRIGGER contacts_search_text_renamed BEFORE UPDATE OF name ON contacts
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION fill_search_text();
CREATE FUNCTION refresh_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contacts c SET search_text = contact_search_text(c.workspace_id, c.id, c.name)
    FROM (SELECT DISTINCT p.workspace_id, p.contact_id FROM changed p
          -- OFFSET 0: each by its key. The plan is made once, perhaps while the table is empty, and would read all of it ever after.
          CROSS JOIN LATERAL (SELECT c.search_text FROM contacts c WHERE c.workspace_id = p.workspace_id AND c.id = p.contact_id OFFSET 0) o
          WHERE TG_OP = 'DELETE' OR strpos(o.search_text || E'\n', E'\n' || plain_text(p.address) || E'\n') = 0) AS stale
    WHERE c.workspace_id = stale.workspace_id AND c.id = stale.contact_id;
    RETURN NULL;
END $$;
CREATE TRIGGER contact_points_added AFTER INSERT ON contact_points
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_text();
CREATE TRIGGER contact_points_changed AFTER UPDATE ON contact_points
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_text();
CREATE TRIGGER contact_points_removed AFTER DELETE ON contact_points
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refresh_search_text();

-- Kept by address, not by contact: deleting and re-importing somebody must not opt them in again.
CREATE TABLE opt_outs (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    medium text NOT NULL,
    address text COLLATE "C" NOT NULL CHECK (length(address) BETWEEN 1 AND 320),
    source text NOT NULL CHECK (source IN ('keyword', 'provider', 'api', 'dashboard', 'import')),
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, medium, address)
);

-- How many contacts a workspace has, as increments that housekeeping folds: their sum is exact, and writers never meet.
CREATE TABLE contact_counts (
    workspace_id uuid NOT NULL,
    n integer NOT NULL
);
CREATE INDEX contact_counts_of_workspace ON contact_counts (workspace_id);
CREATE FUNCTION count_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contact_counts (workspace_id, n)
    SELECT workspace_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed GROUP BY 1;
    RETURN NULL;
END $$;
CREATE TRIGGER contacts_counted_new AFTER INSERT ON contacts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER contacts_counted_gone AFTER DELETE ON contacts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();

CREATE TABLE groups (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    contact_count integer NOT NULL DEFAULT 0 CHECK (contact_count >= 0),
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX groups_name ON groups (workspace_id, lower(name));

CREATE TABLE group_members (
    workspace_id uuid NOT NULL,
    group_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, group_id, contact_id),
    FOREIGN KEY (workspace_id, group_id) REFERENCES groups ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);
CREATE INDEX group_members_of_contact ON group_members (workspace_id, contact_id);

-- Counted here so that no statement that adds or removes members can forget it. Groups are taken in the order of their ids, so that
-- two transactions never wait for each other.
CREATE FUNCTION count_group_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    change record;
BEGIN
    FOR change IN SELECT workspace_id, group_id, count(*) AS n FROM changed GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        UPDATE groups SET contact_count = contact_count + sign * change.n
        WHERE workspace_id = change.workspace_id AND id = change.group_id;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER group_members_added AFTER INSERT ON group_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_group_members();
CREATE TRIGGER group_members_removed AFTER DELETE ON group_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_group_members();

CREATE TABLE imports (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id uuid NOT NULL,
    filename text NOT NULL CHECK (length(filename) <= 255),
    format text NOT NULL CHECK (format IN ('xlsx', 'xls', 'xlsb', 'ods', 'csv')),
    -- The group that the contacts go to: one that exists, or the name of one that is made on confirmation.
    group_id uuid,
    group_name text CHECK (length(group_name) BETWEEN 1 AND 200),
    status text NOT NULL CHECK (status IN ('ready', 'importing', 'done', 'cancelled')),
    -- How the file was read: which column is what, how many rows at the top are no contacts, and what the sheet looks like.
    mapping jsonb NOT NULL DEFAULT '{}',
    header_rows integer NOT NULL DEFAULT 0,
    sheet jsonb NOT NULL DEFAULT '{}',
    row_count integer NOT NULL DEFAULT 0,
    valid_count integer NOT NULL DEFAULT 0,
    duplicate_count integer NOT NULL DEFAULT 0,
    existing_count integer NOT NULL DEFAULT 0,
    error_count integer NOT NULL DEFAULT 0,
    created_count integer NOT NULL DEFAULT 0,
    skipped_count integer NOT NULL DEFAULT 0,
    -- How far the import got: moved on in the transaction that writes the contacts.
    done_row integer NOT NULL DEFAULT 0,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    CHECK ((finished_at IS NOT NULL) = (status IN ('done', 'cancelled')))
);
CREATE INDEX imports_running ON imports (confirmed_at) WHERE status = 'importing';

-- The uploaded file, until its import is over, so that another mapping reads it afresh.
CREATE TABLE import_files (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (workspace_id, import_id),
    FOREIGN KEY (workspace_id, import_id) REFERENCES imports ON DELETE CASCADE
);
ALTER TABLE import_files ALTER COLUMN content SET STORAGE EXTERNAL;

-- Every row of an uploaded sheet with its verdict, from preview to result.
CREATE TABLE import_rows (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL,
    row integer NOT NULL,
    name text NOT NULL DEFAULT '',
    raw_phone text NOT NULL DEFAULT '',
    address text COLLATE "C",
    locale text,
    timezone text,
    attributes jsonb NOT NULL DEFAULT '{}',
    -- A valid row at or before imports.done_row is a contact: that is not written to every row again.
    verdict text NOT NULL CHECK (verdict IN ('valid', 'duplicate_in_file', 'existing', 'invalid', 'skipped')),
    error text,
    -- Corrected by hand: a correction outlives another reading of the file.
    edited boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, import_id, row),
    FOREIGN KEY (workspace_id, import_id) REFERENCES imports ON DELETE CASCADE,
    CHECK ((verdict = 'invalid') = (address IS NULL))
);
CREATE INDEX import_rows_address ON import_rows (workspace_id, import_id, address) WHERE address IS NOT NULL;

-- The search that needs the token index. It runs as the tables' owner because row-level security keeps every index away whose operator
-- might leak, GIN's among them; so it names the workspace itself. `patterns` must all match; `before` and `quantity` make a page,
-- newest first. EXECUTE, because a plan made without the values reads the whole table.
CREATE FUNCTION search_contacts(
    words text[], patterns text[], excluded text[], in_group uuid, opted_out boolean, before uuid, quantity integer
) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    workspace uuid := current_workspace();
    tokens bigint[] := (SELECT array_agg(token) FROM unnest(words) AS word, unnest(search_tokens(workspace, word)) AS token);
BEGIN
    RETURN QUERY EXECUTE $query$
        WITH hits AS MATERIALIZED (
            SELECT c.id FROM contacts c
            WHERE search_tokens(c.workspace_id, c.search_text) @> $1
              AND c.workspace_id = $2 AND c.id < $3 AND c.search_text LIKE ALL ($4) AND c.search_text NOT LIKE ALL ($5)
        )
        SELECT hits.id FROM hits
        WHERE ($6 IS NULL OR EXISTS (SELECT FROM group_members m WHERE m.workspace_id = $2 AND m.group_id = $6 AND m.contact_id = hits.id))
          AND ($7 IS NULL OR $7 = EXISTS (
                SELECT FROM contact_points p JOIN opt_outs o USING (workspace_id, medium, address)
                WHERE p.workspace_id = $2 AND p.contact_id = hits.id OFFSET 0))
        ORDER BY hits.id DESC LIMIT $8
    $query$ USING tokens, workspace, before, patterns, excluded, in_group, opted_out, quantity;
END $$;
REVOKE EXECUTE ON FUNCTION search_contacts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_contacts TO tidings_app, tidings_engine;

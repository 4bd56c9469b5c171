-- Row-level security on everything that names a workspace, and what each role may do.
DO $$
DECLARE
    t record;
BEGIN
    GRANT USAGE ON SCHEMA public TO tidings_app, tidings_engine;
    FOR t IN
        SELECT c.oid::regclass AS name,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped) AS tenant
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relname <> 'alembic_version'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO tidings_engine', t.name);
        IF t.tenant THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO tidings_app', t.name);
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
            EXECUTE format('CREATE POLICY one_workspace ON %s TO tidings_app USING (workspace_id = (SELECT current_workspace()))', t.name);
            EXECUTE format('CREATE POLICY every_workspace ON %s TO tidings_engine USING (true)', t.name);
        END IF;
    END LOOP;
END $$;

-- The app may change the audit log only by adding to it.
REVOKE UPDATE, DELETE ON audit_log FROM tidings_app;

ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
GRANT SELECT, UPDATE ON workspaces TO tidings_app;
CREATE POLICY one_workspace ON workspaces TO tidings_app USING (id = (SELECT current_workspace()));
CREATE POLICY every_workspace ON workspaces TO tidings_engine USING (true);

-- A member may see the people of their own workspace, nobody else's, and no password hash.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
GRANT SELECT (id, email, name, disabled_at, last_login_at, created_at) ON users TO tidings_app;
CREATE POLICY one_workspace ON users TO tidings_app
    USING (EXISTS (SELECT FROM members m WHERE m.workspace_id = (SELECT current_workspace()) AND m.user_id = users.id));
CREATE POLICY every_workspace ON users TO tidings_engine USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON channel_pace TO tidings_app;
GRANT SELECT ON worker_heartbeats TO tidings_app;
-- /ready compares it with what this version needs.
GRANT SELECT ON alembic_version TO tidings_engine;

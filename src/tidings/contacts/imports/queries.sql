-- name: make_stage
CREATE TEMPORARY TABLE import_stage (
    row integer NOT NULL, name text NOT NULL, raw_phone text NOT NULL, address text COLLATE "C", locale text, timezone text,
    attributes jsonb NOT NULL, error text
) ON COMMIT DROP

-- name: drop_stage
DROP TABLE import_stage

-- name: keep_edits
-- Corrections made by hand win over what the file says in the same row.
UPDATE import_stage s SET name = r.name, raw_phone = r.raw_phone, address = r.address, error = r.error,
    timezone = coalesce(s.timezone, r.timezone)
FROM import_rows r
WHERE r.workspace_id = $1 AND r.import_id = $2 AND r.edited AND r.row = s.row

-- name: edited_rows
SELECT coalesce(array_agg(row), '{}') FROM import_rows WHERE workspace_id = $1 AND import_id = $2 AND edited

-- name: forget_rows
DELETE FROM import_rows WHERE workspace_id = $1 AND import_id = $2

-- name: take_stage
-- The rows of the file with their verdicts: the first row of a number counts, and a number that a contact has is not made again.
-- $3 the rows that were corrected by hand.
INSERT INTO import_rows (workspace_id, import_id, row, name, raw_phone, address, locale, timezone, attributes, verdict, error, edited)
SELECT $1, $2, s.row, s.name, s.raw_phone, s.address, s.locale, s.timezone, s.attributes,
       CASE WHEN s.address IS NULL THEN 'invalid' WHEN s.first_row < s.row THEN 'duplicate_in_file'
            WHEN p.contact_id IS NOT NULL THEN 'existing' ELSE 'valid' END,
       CASE WHEN s.address IS NULL THEN s.error WHEN s.first_row < s.row THEN 'The same number is in row ' || s.first_row || '.' END,
       s.row = ANY ($3::int[])
FROM (SELECT *, min(row) OVER (PARTITION BY address) AS first_row FROM import_stage) AS s
LEFT JOIN contact_points p ON p.workspace_id = $1 AND p.medium = 'sms' AND p.address = s.address

-- name: judge_numbers
-- The verdicts of all rows with one of the numbers $3, afresh: after one of them was corrected.
UPDATE import_rows r SET
    verdict = CASE WHEN f.first_row < r.row THEN 'duplicate_in_file' WHEN f.exists_already THEN 'existing' ELSE 'valid' END,
    error = CASE WHEN f.first_row < r.row THEN 'The same number is in row ' || f.first_row || '.' END
FROM (SELECT o.address, min(o.row) AS first_row, EXISTS (
          SELECT FROM contact_points p WHERE p.workspace_id = $1 AND p.medium = 'sms' AND p.address = o.address) AS exists_already
      FROM import_rows o WHERE o.workspace_id = $1 AND o.import_id = $2 AND o.address = ANY ($3::text[]) GROUP BY o.address) AS f
WHERE r.workspace_id = $1 AND r.import_id = $2 AND r.address = f.address

-- name: correct_row
UPDATE import_rows SET name = $4, raw_phone = $5, address = $6, timezone = $7, error = $8, edited = true,
    verdict = CASE WHEN $6::text IS NULL THEN 'invalid' ELSE 'valid' END
WHERE workspace_id = $1 AND import_id = $2 AND row = $3

-- name: count_verdicts
UPDATE imports i SET row_count = c.rows, valid_count = c.valid, duplicate_count = c.duplicate, existing_count = c.existing,
    error_count = c.invalid
FROM (SELECT count(*) AS rows, count(*) FILTER (WHERE verdict = 'valid') AS valid,
             count(*) FILTER (WHERE verdict = 'duplicate_in_file') AS duplicate,
             count(*) FILTER (WHERE verdict = 'existing') AS existing, count(*) FILTER (WHERE verdict = 'invalid') AS invalid
      FROM import_rows WHERE workspace_id = $1 AND import_id = $2) AS c
WHERE i.workspace_id = $1 AND i.id = $2

-- name: add_import
INSERT INTO imports (workspace_id, id, filename, format, group_id, group_name, status, created_by)
VALUES ($1, $2, $3, 'csv', $4, $5, 'ready', $6)

-- name: note_reading
UPDATE imports SET format = $3, mapping = $4, header_rows = $5, sheet = $6 WHERE workspace_id = $1 AND id = $2

-- name: set_group
UPDATE imports SET group_id = $3, group_name = $4 WHERE workspace_id = $1 AND id = $2

-- name: keep_file
INSERT INTO import_files (workspace_id, import_id, content) VALUES ($1, $2, $3)

-- name: file
SELECT content FROM import_files WHERE workspace_id = $1 AND import_id = $2

-- name: forget_file
DELETE FROM import_files WHERE workspace_id = $1 AND import_id = $2

-- name: one
SELECT i.id, i.filename, i.format, i.group_id, CASE WHEN i.group_id IS NULL THEN i.group_name ELSE g.name END AS group_name, i.status, i.mapping::text, i.header_rows, i.sheet::text,
       i.row_count, i.valid_count, i.duplicate_count, i.existing_count, i.error_count, i.created_count, i.skipped_count, i.done_row,
       i.created_by, i.created_at, i.confirmed_at, i.finished_at
FROM imports i LEFT JOIN groups g ON g.workspace_id = i.workspace_id AND g.id = i.group_id
WHERE i.workspace_id = $1 AND i.id = $2

-- name: page
SELECT i.id, i.filename, i.format, i.group_id, CASE WHEN i.group_id IS NULL THEN i.group_name ELSE g.name END AS group_name, i.status, i.mapping::text, i.header_rows, i.sheet::text,
       i.row_count, i.valid_count, i.duplicate_count, i.existing_count, i.error_count, i.created_count, i.skipped_count, i.done_row,
       i.created_by, i.created_at, i.confirmed_at, i.finished_at
FROM imports i LEFT JOIN groups g ON g.workspace_id = i.workspace_id AND g.id = i.group_id
WHERE i.workspace_id = $1 AND i.id < $2 ORDER BY i.id DESC LIMIT $3

-- name: lock
SELECT status FROM imports WHERE workspace_id = $1 AND id = $2 FOR UPDATE

-- name: rows
-- Rows after row $3, of one verdict or of all. A valid row that the import has passed is a contact.
SELECT r.row, r.name, r.raw_phone, r.address, r.locale, r.timezone, r.attributes::text, v.verdict, r.error, r.edited
FROM imports i
JOIN import_rows r ON r.workspace_id = i.workspace_id AND r.import_id = i.id
CROSS JOIN LATERAL (SELECT CASE WHEN r.verdict = 'valid' AND r.row <= i.done_row THEN 'created' ELSE r.verdict END AS verdict) AS v
WHERE i.workspace_id = $1 AND i.id = $2 AND r.row > $3 AND ($4::text IS NULL OR v.verdict = $4) ORDER BY r.row LIMIT $5

-- name: row
SELECT row, name, raw_phone, address, locale, timezone, attributes::text, verdict, error, edited FROM import_rows
WHERE workspace_id = $1 AND import_id = $2 AND row = $3

-- name: start
-- Duplicates within the file are skipped at once; the others follow as they are met.
UPDATE imports SET status = 'importing', group_id = $3, confirmed_at = now(), skipped_count = duplicate_count
WHERE workspace_id = $1 AND id = $2

-- name: next_rows
-- Where the next $4 rows after row $3 that matter end; NULL when none is left.
SELECT max(row) FROM (
    SELECT row FROM import_rows
    WHERE workspace_id = $1 AND import_id = $2 AND row > $3 AND verdict IN ('valid', 'existing') ORDER BY row LIMIT $4
) AS next

-- name: make_step
-- The next rows that matter, in a table of their own with fresh ids. Analysed, because a plan made without knowing how many there are
-- compares each with each.
CREATE TEMPORARY TABLE import_step (
    row integer, name text, address text COLLATE "C", locale text, timezone text, attributes jsonb, id uuid
) ON COMMIT DROP

-- name: fill_step
-- The rows after $3 up to $4. The ids rise with them, so that contacts are listed in the order of the sheet: new_id() alone is in no order
-- within a millisecond.
INSERT INTO import_step
SELECT r.row, r.name, r.address, r.locale, r.timezone, r.attributes, ids.id
FROM (
    SELECT r.row, r.name, r.address, r.locale, r.timezone, r.attributes, row_number() OVER (ORDER BY r.row) AS place FROM import_rows r
    WHERE r.workspace_id = $1 AND r.import_id = $2 AND r.row > $3 AND r.row <= $4 AND r.verdict IN ('valid', 'existing')
) AS r
JOIN (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (SELECT new_id() AS id FROM generate_series(1, least($5, $4 - $3))) AS fresh
) AS ids USING (place)

-- name: make_contacts
-- These rows become contacts, in one statement: foreign keys are checked at its end, so that a number that somebody made a contact of
-- in between is found by its address before any contact is written. A contact and its first address share their id.
-- Rows up to done_row that were valid are contacts now (see `rows`): only those that are not are written to.
WITH points AS (
    INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
    SELECT $1, id, id, 'sms', address FROM import_step ORDER BY row
    ON CONFLICT DO NOTHING
    RETURNING id
), made AS (
    INSERT INTO contacts (workspace_id, id, name, locale, timezone, attributes, search_text)
    SELECT $1, s.id, s.name, s.locale, s.timezone, s.attributes, plain_text(s.name) || E'\n' || plain_text(s.address)
    FROM import_step s JOIN points p USING (id) ORDER BY s.row
    RETURNING 1
), skipped AS (
    UPDATE import_rows r SET verdict = 'skipped'
    FROM import_step s
    WHERE r.workspace_id = $1 AND r.import_id = $2 AND r.row = s.row AND NOT EXISTS (SELECT FROM points p WHERE p.id = s.id)
    RETURNING 1
)
UPDATE imports i SET done_row = $3, created_count = i.created_count + n.created, skipped_count = i.skipped_count + n.skipped
FROM (SELECT (SELECT count(*) FROM made) AS created, (SELECT count(*) FROM skipped) AS skipped) AS n
WHERE i.workspace_id = $1 AND i.id = $2

-- name: drop_step
DROP TABLE import_step

-- name: join_group
-- Their contacts join the group $2, those that were contacts before among them.
INSERT INTO group_members (workspace_id, group_id, contact_id)
SELECT $1, $2, p.contact_id FROM import_step s
JOIN contact_points p ON p.workspace_id = $1 AND p.medium = 'sms' AND p.address = s.address
ON CONFLICT DO NOTHING

-- name: finish
UPDATE imports SET status = $3, finished_at = now() WHERE workspace_id = $1 AND id = $2

-- name: running
SELECT workspace_id, id FROM imports WHERE status = 'importing' ORDER BY confirmed_at LIMIT 100

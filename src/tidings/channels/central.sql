-- name: members
-- Which of these e-mail addresses are members'.
SELECT u.email, u.id FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND u.email = ANY($2::text[])

-- name: kept
SELECT user_id, address FROM central_addresses WHERE workspace_id = $1 AND channel_id = $2

-- name: forget
DELETE FROM central_addresses WHERE workspace_id = $1 AND channel_id = $2 AND user_id = ANY($3::uuid[])

-- name: keep
INSERT INTO central_addresses (workspace_id, channel_id, user_id, address)
SELECT $1, $2, user_id, address FROM unnest($3::uuid[], $4::text[]) AS wanted (user_id, address)

-- name: page
-- One channel's, by e-mail address, after the last one shown.
SELECT a.user_id, u.email, u.name, a.address, a.kept_at, has_own_channel($1, a.user_id, c.medium) AS moved
FROM central_addresses a
JOIN channels c ON c.workspace_id = a.workspace_id AND c.id = a.channel_id
JOIN users u ON u.id = a.user_id
WHERE a.workspace_id = $1 AND a.channel_id = $2 AND ($3::text IS NULL OR u.email > $3)
ORDER BY u.email
LIMIT $4

-- name: of_member
-- A member's addresses on channels that are still central, the one kept first at the top.
SELECT a.channel_id, c.name AS channel_name, c.medium, a.address, a.kept_at, has_own_channel($1, $2, c.medium) AS moved
FROM central_addresses a
JOIN channels c ON c.workspace_id = a.workspace_id AND c.id = a.channel_id AND c.is_central
WHERE a.workspace_id = $1 AND a.user_id = $2
ORDER BY a.kept_at, a.channel_id

-- name: notices
-- What every page shows around itself: alerts that are open (those of a personal channel ring its owner's bell alone), and the media for
-- which this member is still on a central channel, with whether one of their own has been begun.
SELECT
    (SELECT count(*) FROM alerts a WHERE a.workspace_id = $1 AND a.resolved_at IS NULL
        AND NOT EXISTS (SELECT FROM channels c WHERE c.workspace_id = $1 AND c.id = a.channel_id AND c.owner_id IS NOT NULL
            AND (c.owner_id <> $2 OR c.deleted_at IS NOT NULL))) AS open_alerts,
    ARRAY(SELECT DISTINCT c.medium FROM central_addresses a
        JOIN channels c ON c.workspace_id = a.workspace_id AND c.id = a.channel_id AND c.is_central
        WHERE a.workspace_id = $1 AND a.user_id = $2 AND NOT has_own_channel($1, $2, c.medium) ORDER BY 1) AS mediums,
    ARRAY(SELECT DISTINCT c.medium FROM channels c
        WHERE c.workspace_id = $1 AND c.owner_id = $2 AND c.deleted_at IS NULL) AS begun

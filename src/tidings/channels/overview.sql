-- name: totals
-- Failures count where they happened, deleted channels included.
SELECT
    (SELECT count(*) FROM channels WHERE workspace_id = $1 AND owner_id IS NOT NULL AND deleted_at IS NULL)::int AS channels,
    (SELECT count(DISTINCT owner_id) FROM channels
        WHERE workspace_id = $1 AND owner_id IS NOT NULL AND deleted_at IS NULL AND enabled AND stopped_at IS NULL
          AND is_joined(channels))::int AS active_members,
    (SELECT coalesce(sum(s.n), 0) FROM message_stats s
        JOIN channels c ON c.workspace_id = s.workspace_id AND c.id = s.channel_id AND c.owner_id IS NOT NULL
        WHERE s.workspace_id = $1 AND s.status = 'failed' AND s.bucket > now() - interval '24 hours')::int AS failed_24h,
    (SELECT count(DISTINCT a.user_id) FROM central_addresses a
        JOIN channels c ON c.workspace_id = a.workspace_id AND c.id = a.channel_id AND c.is_central
        WHERE a.workspace_id = $1 AND NOT has_own_channel($1, a.user_id, c.medium))::int AS still_central

-- name: page
-- Who is on what, by e-mail address: members' own channels (neither their names nor anything they carry) and addresses on central ones.
-- After the last one shown ($4, $5). $3: own, central, still_central, or null for all.
SELECT * FROM (
    SELECT u.id AS user_id, u.email, u.name, c.id AS channel_id, 'own' AS kind, NULL AS channel_name, c.provider, c.medium,
           CASE WHEN NOT c.enabled THEN 'disabled' WHEN c.stopped_at IS NOT NULL THEN 'stopped' ELSE 'active' END AS state,
           is_joined(c) AS joined, NULL::boolean AS moved, c.last_used_at
    FROM channels c JOIN users u ON u.id = c.owner_id
    WHERE c.workspace_id = $1 AND c.owner_id IS NOT NULL AND c.deleted_at IS NULL
    UNION ALL
    SELECT u.id, u.email, u.name, c.id, 'central', c.name, c.provider, c.medium,
           CASE WHEN NOT c.enabled THEN 'disabled' WHEN c.stopped_at IS NOT NULL THEN 'stopped' ELSE 'active' END,
           true, has_own_channel($1, u.id, c.medium), NULL
    FROM central_addresses a
    JOIN channels c ON c.workspace_id = a.workspace_id AND c.id = a.channel_id AND c.is_central
    JOIN users u ON u.id = a.user_id
    WHERE a.workspace_id = $1
) AS who
WHERE ($2::text = '' OR position(lower($2) IN lower(name || ' ' || email)) > 0)
  AND ($3::text IS NULL OR kind = $3 OR ($3 = 'still_central' AND NOT moved))
  AND ($4::text IS NULL OR (email, channel_id) > ($4, $5::uuid))
ORDER BY email, channel_id
LIMIT $6

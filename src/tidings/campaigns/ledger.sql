-- name: recipients
-- A page of a campaign's ledger, in the order of its audience. Keyset pages, so that the millionth is as cheap as the first and no
-- transaction stays open while a slow reader takes an export. Of several tries for one recipient, the one that speaks for them.
SELECT m.id, m.contact_id, coalesce(c.name, '') AS name, m.medium, m.address, m.status, m.suppression, m.error_code, m.error_detail,
       m.attempt, m.possible_duplicate, m.segments, m.cost_micros, m.cost_currency, m.provider_message_id, m.resend_of,
       m.created_at, m.due_at, m.sent_at, m.delivered_at, m.read_at, m.settled_at
FROM messages m
LEFT JOIN contacts c ON c.workspace_id = :workspace_id AND c.id = m.contact_id
WHERE m.workspace_id = :workspace_id AND m.campaign_id = :campaign_id AND NOT m.superseded AND m.id > :after

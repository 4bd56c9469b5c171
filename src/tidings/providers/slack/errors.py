"""Slack's error names in our words.

Sources: docs.slack.dev/reference/methods/chat.postMessage#errors, files.getUploadURLExternal#errors and files.completeUploadExternal#errors
(read in the copies that github.com/smstoslack/slack_kit and github.com/slack-ruby/slack-api-ref keep). All of them come with HTTP 200 and
`"ok": false`. Left out are the names for arguments that we never send: drafts, metadata, snippets, markdown_text, client_msg_id.
"""

from __future__ import annotations

from tidings.providers.base import ErrorCode as E

CODES: dict[str, E] = {
    # the app
    "not_authed": E.INVALID_CREDENTIALS,
    "invalid_auth": E.INVALID_CREDENTIALS,
    "account_inactive": E.INVALID_CREDENTIALS,
    "token_revoked": E.INVALID_CREDENTIALS,
    "token_expired": E.INVALID_CREDENTIALS,
    "not_allowed_token_type": E.INVALID_CREDENTIALS,
    "no_permission": E.INVALID_CREDENTIALS,
    "missing_scope": E.INVALID_CREDENTIALS,
    "access_denied": E.INVALID_CREDENTIALS,
    "accesslimited": E.INVALID_CREDENTIALS,
    "ekm_access_denied": E.INVALID_CREDENTIALS,
    "enterprise_is_restricted": E.INVALID_CREDENTIALS,
    "team_access_not_granted": E.INVALID_CREDENTIALS,
    "two_factor_setup_required": E.INVALID_CREDENTIALS,
    "user_is_restricted": E.INVALID_CREDENTIALS,
    # as wrong for every message of the channel as a token would be
    "method_deprecated": E.INVALID_CREDENTIALS,
    "deprecated_endpoint": E.INVALID_CREDENTIALS,
    # the recipient
    "channel_not_found": E.INVALID_ADDRESS,
    "user_not_found": E.INVALID_ADDRESS,
    "invalid_channel": E.INVALID_ADDRESS,
    "channel_is_limited_access": E.BLOCKED,
    "cannot_dm_bot": E.INVALID_ADDRESS,
    "not_in_channel": E.BLOCKED,  # the app has not been invited
    "messages_tab_disabled": E.BLOCKED,  # the app's own direct messages are switched off
    "restricted_action": E.BLOCKED,
    "restricted_action_read_only_channel": E.BLOCKED,
    "restricted_action_thread_only_channel": E.BLOCKED,
    "restricted_action_thread_locked": E.BLOCKED,
    "posting_to_channel_denied": E.BLOCKED,
    "is_archived": E.UNREACHABLE,
    "user_disabled": E.UNREACHABLE,
    "restricted_action_non_threadable_channel": E.UNSUPPORTED,
    "cannot_reply_to_message": E.UNSUPPORTED,
    "team_not_found": E.INVALID_ADDRESS,
    # the text and the file
    "no_text": E.REJECTED_CONTENT,
    "msg_too_long": E.REJECTED_CONTENT,
    "msg_blocks_too_long": E.REJECTED_CONTENT,
    "invalid_blocks": E.REJECTED_CONTENT,
    "invalid_blocks_format": E.REJECTED_CONTENT,
    "too_many_attachments": E.REJECTED_CONTENT,
    "attachment_payload_limit_exceeded": E.REJECTED_CONTENT,
    "file_upload_size_restricted": E.REJECTED_CONTENT,
    "file_uploads_disabled": E.REJECTED_CONTENT,
    "file_uploads_except_images_disabled": E.REJECTED_CONTENT,
    "blocked_file_type": E.REJECTED_CONTENT,
    "file_type_not_allowed": E.REJECTED_CONTENT,
    "storage_limit_reached": E.REJECTED_CONTENT,
    "missing_file_data": E.REJECTED_CONTENT,
    "missing_argument": E.REJECTED_CONTENT,  # “typically only occurs when the length provided is 0”: an empty file
    "too_many_contact_cards": E.REJECTED_CONTENT,
    "slack_connect_file_link_sharing_blocked": E.REJECTED_CONTENT,
    "slack_connect_canvas_sharing_blocked": E.REJECTED_CONTENT,
    "slack_connect_lists_sharing_blocked": E.REJECTED_CONTENT,
    "invalid_arguments": E.REJECTED_CONTENT,  # “more likely when using complex arguments like blocks”
    # the pace
    "ratelimited": E.RATE_LIMITED,
    "rate_limited": E.RATE_LIMITED,
    "message_limit_exceeded": E.RATE_LIMITED,  # the whole workspace is posting too much
    # Slack itself
    "service_unavailable": E.PROVIDER_UNAVAILABLE,
    "team_added_to_org": E.PROVIDER_UNAVAILABLE,
    "org_login_required": E.PROVIDER_UNAVAILABLE,
    "request_timeout": E.PROVIDER_UNAVAILABLE,  # our body came cut off: it was never read
    "file_not_found": E.PROVIDER_UNAVAILABLE,  # what was just uploaded is not there: upload it anew
    # ourselves: a request of a form that Slack does not read
    "as_user_not_supported": E.INTERNAL,
    "channels_limit_exceeded": E.INTERNAL,
    "invalid_arg_name": E.INTERNAL,
    "invalid_array_arg": E.INTERNAL,
    "invalid_charset": E.INTERNAL,
    "invalid_form_data": E.INTERNAL,
    "invalid_post_type": E.INTERNAL,
    "missing_post_type": E.INTERNAL,
}
"""A name that is not here is `internal`: `"ok": false` says that nothing was done."""

MAYBE_DONE = frozenset({"fatal_error", "internal_error", "file_update_failed"})
"""In Slack's words “It's possible some aspect of the operation succeeded before the error was raised”; of the last one, which comes while a
file is shared, it does not say so and does not say the contrary either."""
RETRYABLE = frozenset({E.RATE_LIMITED, E.PROVIDER_UNAVAILABLE})

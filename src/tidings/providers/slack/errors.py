"""Slack's error names in our words. Source: docs.slack.dev/reference/methods/chat.postMessage#errors and files.completeUploadExternal#errors.

All of them come with HTTP 200 and `"ok": false`.
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
    # the pace
    "ratelimited": E.RATE_LIMITED,
    "rate_limited": E.RATE_LIMITED,
    "message_limit_exceeded": E.RATE_LIMITED,  # the whole workspace is posting too much
    # Slack itself
    "service_unavailable": E.PROVIDER_UNAVAILABLE,
    "team_added_to_org": E.PROVIDER_UNAVAILABLE,
    "org_login_required": E.PROVIDER_UNAVAILABLE,
    "request_timeout": E.PROVIDER_UNAVAILABLE,  # our body came cut off: it was never read
}
"""A name that is not here is `internal`: `"ok": false` says that nothing was done."""

MAYBE_DONE = frozenset({"fatal_error", "internal_error"})
"""In Slack's words “It's possible some aspect of the operation succeeded before the error was raised”."""
RETRYABLE = frozenset({E.RATE_LIMITED, E.PROVIDER_UNAVAILABLE})

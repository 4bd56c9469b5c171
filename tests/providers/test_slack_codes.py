"""Slack's documented error names, each over real HTTP: our word for it, and what follows.

Source: docs.slack.dev/reference/methods/chat.postMessage#errors, files.getUploadURLExternal#errors, files.completeUploadExternal#errors.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.channels import channel_of
from tests.providers.consequences import consequence
from tests.simulators.slack import CHANNEL, UPLOAD_URL, SlackSimulator
from tidings.providers import provider
from tidings.providers.base import Media, Outcome, Outgoing
from tidings.providers.http import Http
from tidings.providers.slack.errors import CODES, MAYBE_DONE

PDF = Media(kind="document", content_type="application/pdf", file_name="bei.pdf", content=b"%PDF-1.7\x00")
STOPS = (
    "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type", "no_permission",
    "missing_scope", "access_denied", "accesslimited", "ekm_access_denied", "enterprise_is_restricted", "team_access_not_granted",
    "two_factor_setup_required", "user_is_restricted", "method_deprecated", "deprecated_endpoint",
)  # fmt: skip
INVALID_ADDRESS = ("channel_not_found", "user_not_found", "invalid_channel", "cannot_dm_bot", "team_not_found")
BLOCKED = (
    "not_in_channel", "channel_is_limited_access", "messages_tab_disabled", "restricted_action", "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel", "restricted_action_thread_locked", "posting_to_channel_denied",
)  # fmt: skip
UNREACHABLE = ("is_archived", "user_disabled")
UNSUPPORTED = ("restricted_action_non_threadable_channel", "cannot_reply_to_message")
REJECTED = (
    "no_text", "msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "too_many_attachments",
    "attachment_payload_limit_exceeded", "too_many_contact_cards", "missing_file_data", "missing_argument", "invalid_arguments",
    "file_upload_size_restricted", "file_uploads_disabled", "file_uploads_except_images_disabled", "blocked_file_type",
    "file_type_not_allowed", "storage_limit_reached", "slack_connect_file_link_sharing_blocked", "slack_connect_canvas_sharing_blocked",
    "slack_connect_lists_sharing_blocked",
)  # fmt: skip
LIMITS = ("ratelimited", "rate_limited", "message_limit_exceeded")
TRY_AGAIN = ("service_unavailable", "team_added_to_org", "org_login_required", "request_timeout", "file_not_found")
OURS = (
    "as_user_not_supported", "channels_limit_exceeded", "invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data",
    "invalid_post_type", "missing_post_type",
)  # fmt: skip
DOUBTS = ("fatal_error", "internal_error", "file_update_failed")
ROWS = [
    *((name, "invalid_credentials", "stops") for name in STOPS),
    *((name, "invalid_address", "final") for name in INVALID_ADDRESS),
    *((name, "blocked", "final") for name in BLOCKED),
    *((name, "unreachable", "final") for name in UNREACHABLE),
    *((name, "unsupported", "final") for name in UNSUPPORTED),
    *((name, "rejected_content", "final") for name in REJECTED),
    *((name, "rate_limited", "waits 5") for name in LIMITS),
    *((name, "provider_unavailable", "again") for name in TRY_AGAIN),
    *((name, "internal", "final") for name in OURS),
    *((name, "provider_unavailable", "unknown") for name in DOUBTS),
    ("a_name_of_2030", "internal", "final"),
]


@pytest.fixture
async def simulator() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as running:
        yield running


async def send(simulator: SlackSimulator, http: Http, media: Media | None = None) -> Outcome:
    message = Outgoing(id="msg_00000000000000000000000007", to=CHANNEL, text="Habari", media=media)
    [outcome] = await provider("slack").send(http, channel_of("slack", simulator.api_url), [message])
    assert not simulator.taken
    return outcome


@pytest.mark.parametrize(("name", "ours", "follows"), ROWS, ids=[row[0] for row in ROWS])
async def test_an_error_of_slacks(simulator: SlackSimulator, http: Http, name: str, ours: str, follows: str) -> None:
    """The same name means the same where a text is posted and where a file is shared."""
    simulator.faults.add(kind="status", words=name)
    for media in (None, PDF):
        outcome = await send(simulator, http, media)
        assert (outcome.code, consequence(outcome)) == (ours, follows)
        assert outcome.detail == f"Slack: {name}"


def test_no_name_stands_in_our_table_without_a_row_here() -> None:
    assert {*CODES, *MAYBE_DONE} == {row[0] for row in ROWS} - {"a_name_of_2030"}


@pytest.mark.parametrize(
    ("name", "ours", "follows"),
    [
        ("file_upload_size_restricted", "rejected_content", "final"),
        ("storage_limit_reached", "rejected_content", "final"),
        ("missing_scope", "invalid_credentials", "stops"),
        ("ratelimited", "rate_limited", "waits 5"),
        ("fatal_error", "provider_unavailable", "again"),
    ],
)
async def test_a_refusal_before_anything_is_posted_is_never_a_doubt(
    simulator: SlackSimulator, http: Http, name: str, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", words=name, numbers=[UPLOAD_URL])
    outcome = await send(simulator, http, PDF)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert not simulator.requests


@pytest.mark.parametrize(
    ("status", "ours", "follows"),
    [
        (400, "internal", "final"),
        (401, "invalid_credentials", "stops"),
        (403, "invalid_credentials", "stops"),
        (404, "internal", "final"),
        (429, "rate_limited", "waits 5"),
        (500, "provider_unavailable", "unknown"),
        (503, "provider_unavailable", "unknown"),
    ],
)
async def test_a_status_that_is_no_200_is_told_by_itself(
    simulator: SlackSimulator, http: Http, status: int, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", words="channel_not_found", http=status)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


async def test_the_wait_is_as_long_as_slack_says(simulator: SlackSimulator, http: Http) -> None:
    simulator.faults.add(kind="rate_limited", retry_after="30")
    assert consequence(await send(simulator, http)) == "waits 30"

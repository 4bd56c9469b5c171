"""Slack: what we ask, and what we make of its answers."""

from __future__ import annotations

import json

import pytest

from tests.providers.channels import channel_of
from tests.simulators.slack import BOT_TOKEN, CHANNEL, DIRECT, REFUSING, SlackSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    FetchesMedia,
    Media,
    Outgoing,
    ProviderError,
    ReceivedMedia,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, Http
from tidings.providers.slack.errors import CODES, MAYBE_DONE
from tidings.providers.slack.sending import read_send, send_request

PDF = Media(kind="document", content_type="application/pdf", file_name="bei.pdf", content=b"%PDF-1.7\x00")


def message(text: str = "Hello", to: str = CHANNEL, **changes) -> Outgoing:
    return Outgoing(id="msg_00000000000000000000000007", to=to, text=text, **changes)


# --- the request --------------------------------------------------------------------------------------------------------


def test_the_request() -> None:
    request = send_request(channel_of("slack"), message("Tom & <!channel> > *all*"))
    assert request.url == "https://slack.com/api/chat.postMessage"
    assert request.headers == {"authorization": f"Bearer {BOT_TOKEN}", "content-type": "application/json; charset=utf-8"}
    assert json.loads(request.body) == {"channel": CHANNEL, "text": "Tom &amp; &lt;!channel&gt; &gt; *all*"}


@pytest.mark.parametrize(
    ("reply_to", "thread"),
    [(f"{CHANNEL}:1700000000.000001", "1700000000.000001"), (f"{CHANNEL}:1700000009.000002:1700000000.000001", "1700000000.000001")],
)
def test_an_answer_goes_to_the_thread_of_what_it_answers(reply_to: str, thread: str) -> None:
    assert json.loads(send_request(channel_of("slack"), message(reply_to=reply_to)).body)["thread_ts"] == thread


def test_buttons_and_pictures_are_blocks() -> None:
    picture = Media(kind="image", content_type="image/png", url="https://shop.example/a.png")
    buttons = [Button(label="Yes"), Button(label="No", value="n"), Button(label="Shop", kind="url", value="https://shop.example")]
    body = json.loads(send_request(channel_of("slack"), message("A & B", media=picture, buttons=buttons)).body)
    assert body["text"] == "A &amp; B"
    assert body["blocks"] == [
        {"type": "section", "text": {"type": "mrkdwn", "text": "A &amp; B"}},
        {"type": "image", "image_url": "https://shop.example/a.png", "alt_text": "A & B"},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Yes"}, "action_id": "reply_0", "value": "Yes"},
                {"type": "button", "text": {"type": "plain_text", "text": "No"}, "action_id": "reply_1", "value": "n"},
                {"type": "button", "text": {"type": "plain_text", "text": "Shop"}, "action_id": "url_2", "url": "https://shop.example"},
            ],
        },
    ]


# --- the answer ---------------------------------------------------------------------------------------------------------


def refused(error: str, **headers: str):
    [outcome] = read_send(Answer(status=200, headers=headers, body=json.dumps({"ok": False, "error": error}).encode()))
    return outcome


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_every_error_name_is_a_refusal_in_our_words(error: str, code: ErrorCode) -> None:
    outcome = refused(error)
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code, outcome.detail) == (code, error, f"Slack: {error}")
    assert outcome.retryable == (code in {ErrorCode.RATE_LIMITED, ErrorCode.PROVIDER_UNAVAILABLE})
    assert outcome.retry_after == (5.0 if code is ErrorCode.RATE_LIMITED else None)


def test_an_unknown_name_is_ours_to_look_at_and_a_pause_is_slacks() -> None:
    assert refused("a_name_of_2030").code is ErrorCode.INTERNAL
    assert refused("ratelimited", **{"retry-after": "30"}).retry_after == 30.0


@pytest.mark.parametrize("error", sorted(MAYBE_DONE))
def test_errors_after_which_it_may_stand_there_are_doubts(error: str) -> None:
    assert isinstance(refused(error), SendUncertain)


def test_a_missing_permission_is_named() -> None:
    [outcome] = read_send(Answer(status=200, body=b'{"ok": false, "error": "missing_scope", "needed": "chat:write"}'))
    assert outcome.detail == "Slack: missing_scope (needs chat:write)"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ok": True, "channel": "C1", "ts": "1.2", "message": {"ts": "1.2"}}, "C1:1.2"),
        ({"ok": True, "channel": "C1", "ts": "1.2", "message": {"thread_ts": "1.2"}}, "C1:1.2"),
        ({"ok": True, "channel": "C1", "ts": "1.2", "message": {"thread_ts": "1.1"}}, "C1:1.2:1.1"),
    ],
)
def test_a_message_is_known_by_channel_and_time(body: dict, expected: str) -> None:
    assert read_send(Answer(status=200, body=json.dumps(body).encode())) == [Accepted(provider_message_id=expected)]


def test_an_answer_with_no_message_in_it_is_a_doubt() -> None:
    assert isinstance(read_send(Answer(status=200, body=b'{"ok": true}'))[0], SendUncertain)


# --- against the simulator ------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with SlackSimulator() as running:
        yield running


async def send(simulator: SlackSimulator, http: Http, one: Outgoing, **changes):
    [outcome] = await provider("slack").send(http, channel_of("slack", simulator.api_url, **changes), [one])
    return outcome


async def test_a_message_goes_through(simulator: SlackSimulator, http: Http) -> None:
    buttons = [Button(label="Yes"), Button(label="Yes")]
    outcome = await send(simulator, http, message("Grüße & <b>" + "&" * 3000, buttons=buttons))
    assert isinstance(outcome, Accepted)
    channel, ts = outcome.provider_message_id.split(":")
    assert (channel, simulator.messages[ts].text[:15]) == (CHANNEL, "Grüße &amp; &lt")
    answer = await send(simulator, http, message(reply_to=outcome.provider_message_id))
    assert answer.provider_message_id.endswith(f":{ts}")


async def test_a_person_is_written_to_in_their_direct_chat(simulator: SlackSimulator, http: Http) -> None:
    outcome = await send(simulator, http, message(to="U024BE7LH"))
    assert outcome.provider_message_id.startswith(f"{DIRECT}:")


@pytest.mark.parametrize("to", REFUSING)
async def test_addresses_that_refuse(simulator: SlackSimulator, http: Http, to: str) -> None:
    for media in (None, PDF):
        outcome = await send(simulator, http, message(to=to, media=media))
        assert isinstance(outcome, SendFailed)
        assert (outcome.provider_code, outcome.code) == (REFUSING[to], CODES[REFUSING[to]])


async def test_a_limit_pauses_for_as_long_as_slack_says(simulator: SlackSimulator, http: Http) -> None:
    simulator.faults.add(kind="rate_limited", count=1, retry_after="12")
    outcome = await send(simulator, http, message())
    assert (outcome.code, outcome.retry_after) == (ErrorCode.RATE_LIMITED, 12.0)


async def test_a_file_is_uploaded_and_then_shared(simulator: SlackSimulator, http: Http) -> None:
    outcome = await send(simulator, http, message("Bei & zaidi", media=PDF, reply_to=f"{CHANNEL}:1.2"))
    assert isinstance(outcome, Accepted)
    assert simulator.files[outcome.provider_message_id] == {"name": "bei.pdf", "length": 9, "content": PDF.content}
    [posted] = simulator.messages.values()
    assert (posted.to, posted.text, posted.form["thread_ts"]) == (CHANNEL, "Bei &amp; zaidi", "1.2")


async def test_a_file_lost_on_the_way_was_certainly_not_posted(http: Http) -> None:
    """Of three requests only the last posts: a broken second one is a failure and no doubt."""

    async def breaking(call: Call) -> Reply:
        if call.path.endswith("getUploadURLExternal"):
            return Reply(200, json.dumps({"ok": True, "upload_url": f"{server.url}/upload", "file_id": "F1"}).encode())
        return Reply(reset=True)

    async with Server(breaking) as server:
        [outcome] = await provider("slack").send(http, channel_of("slack", server.url), [message(media=PDF)])
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)
    assert "nothing was posted" in outcome.detail


async def test_a_doubt_about_the_last_step_is_one(simulator: SlackSimulator, http: Http) -> None:
    simulator.faults.add(kind="reset", count=1, taken=True)
    assert isinstance(await send(simulator, http, message(media=PDF)), SendUncertain)


async def test_a_file_goes_to_slack_and_nowhere_else(http: Http) -> None:
    elsewhere: list[Call] = []

    async def trap(call: Call) -> Reply:
        elsewhere.append(call)
        return Reply()

    async with Server(trap) as other:

        async def lying(_: Call) -> Reply:
            return Reply(200, json.dumps({"ok": True, "upload_url": f"{other.url}/upload", "file_id": "F1"}).encode())

        async with Server(lying) as server:
            [outcome] = await provider("slack").send(http, channel_of("slack", server.url), [message(media=PDF)])
    assert isinstance(outcome, SendFailed)
    assert not elsewhere


async def test_check_says_who_it_is_and_what_is_wrong(simulator: SlackSimulator, http: Http) -> None:
    slack = provider("slack")
    assert "workspace “Duka”" in await slack.check(http, channel_of("slack", simulator.api_url))
    with pytest.raises(ProviderError, match="invalid_auth") as error:
        await slack.check(http, channel_of("slack", simulator.api_url, credentials={"bot_token": "xoxb-wrong"}))
    assert error.value.code is ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="no balance"):
        await slack.balance(http, channel_of("slack"))


async def test_files_of_people_are_fetched_with_the_token_from_slack_alone(simulator: SlackSimulator, http: Http) -> None:
    slack = provider("slack")
    assert isinstance(slack, FetchesMedia)
    channel = channel_of("slack", simulator.api_url)

    async def fetch(url: str, size: int | None = None, most: int = 1000, **changes) -> bytes:
        media = ReceivedMedia(kind="image", url=url, size=size)
        return await slack.fetch_media(http, channel_of("slack", simulator.api_url, **changes), media, max_bytes=most)

    url = f"{simulator.url}/files-pri/T1-F1/a.png"
    assert await fetch(url) == b"\x89PNG of a person"
    for bad, changes in (
        ("http://127.0.0.1:1/files-pri/a.png", {}),
        ("https://slack.com.example/a.png", {}),
        (url, {"size": 1001}),
        (url, {"most": 5}),
        (url, {"credentials": {"bot_token": "xoxb-wrong"}}),
        (url, {"credentials": {}}),
    ):
        with pytest.raises(ProviderError):
            await fetch(bad, **changes)
    assert channel.credentials

"""The simulated Slack: the official library must work against it, and it must be as strict as Slack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.providers.channels import channel_of
from tests.simulators.faults import KINDS
from tests.simulators.slack import BOT_TOKEN, CHANNEL, DIRECT, REFUSING, SlackSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import HookRefused, HookRequest, Inbound

POST = "/api/chat.postMessage"


@pytest.fixture
async def simulator() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as running:
        yield running


@pytest.fixture
async def browser(simulator: SlackSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url, headers={"authorization": f"Bearer {BOT_TOKEN}"}) as opened:
        yield opened


async def official(simulator: SlackSimulator, work, token: str = BOT_TOKEN):
    """Run the library's blocking calls beside the simulator's loop."""
    return await asyncio.to_thread(lambda: work(WebClient(token, base_url=f"{simulator.api_url}/")))


# --- the official library -------------------------------------------------------------------------------------------------


async def test_the_official_library_signs_in_and_posts(simulator: SlackSimulator) -> None:
    assert (await official(simulator, lambda client: client.auth_test()))["team"] == "Duka"
    posted = await official(simulator, lambda client: client.chat_postMessage(channel=CHANNEL, text="Habari"))
    assert (posted["channel"], simulator.messages[posted["ts"]].text) == (CHANNEL, "Habari")
    direct = await official(simulator, lambda client: client.chat_postMessage(channel="U024BE7LH", text="x", thread_ts=posted["ts"]))
    assert (direct["channel"], direct["message"]["thread_ts"]) == (DIRECT, posted["ts"])


async def test_the_official_library_uploads_a_file(simulator: SlackSimulator) -> None:
    shared = await official(
        simulator, lambda client: client.files_upload_v2(channel=CHANNEL, content="habari", filename="a.txt", initial_comment="Soma")
    )
    assert simulator.files[shared["files"][0]["id"]]["content"] == b"habari"
    assert next(iter(simulator.messages.values())).text == "Soma"


@pytest.mark.parametrize(("to", "error"), REFUSING.items())
async def test_the_official_library_understands_refusals(simulator: SlackSimulator, to: str, error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        await official(simulator, lambda client: client.chat_postMessage(channel=to, text="x"))
    assert refused.value.response["error"] == error


async def test_the_official_library_sees_limits_and_strangers(simulator: SlackSimulator) -> None:
    simulator.faults.add(kind="rate_limited", count=1, retry_after="30")
    with pytest.raises(SlackApiError) as limited:
        await official(simulator, lambda client: client.chat_postMessage(channel=CHANNEL, text="x"))
    assert (limited.value.response.status_code, limited.value.response.headers["retry-after"]) == (429, "30")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await official(simulator, lambda client: client.auth_test(), token="xoxb-wrong")


# --- strictness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"text": "x"}, "channel_not_found"),
        ({"channel": "general", "text": "x"}, "channel_not_found"),
        ({"channel": CHANNEL}, "no_text"),
        ({"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": CHANNEL, "text": "a & b"}, "invalid_arguments"),
        ({"channel": CHANNEL, "text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]}, "invalid_blocks"),
        ({"channel": CHANNEL, "text": "x", "blocks": [{"type": "image", "image_url": "a.png", "alt_text": "a"}]}, "invalid_blocks"),
        ({"channel": CHANNEL, "text": "x", "blocks": [{"type": "actions", "elements": []}]}, "invalid_blocks"),
    ],
)
async def test_a_wrong_body_is_refused(browser: httpx2.AsyncClient, simulator: SlackSimulator, body: dict, error: str) -> None:
    answer = await browser.post(POST, json=body)
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": error})
    assert not simulator.taken


async def test_strangers_and_odd_calls_are_refused(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post(POST, json={}, headers={"authorization": ""})).json()["error"] == "not_authed"
    assert (await browser.post("/api/no.such", json={})).json()["error"] == "unknown_method"
    assert (await browser.post(POST, content=b"<xml/>", headers={"content-type": "text/xml"})).json()["error"] == "invalid_post_type"
    assert (await browser.get("/elsewhere")).status_code == 404
    assert (await browser.post("/upload/v1/F9", content=b"x")).status_code == 400
    assert (await browser.post("/api/files.completeUploadExternal", json={"files": [{"id": "F9"}]})).json()["error"] == "file_not_found"
    assert (await browser.get("/files-pri/a", headers={"authorization": ""})).status_code == 302


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(browser: httpx2.AsyncClient, simulator: SlackSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await browser.post(POST, json={"channel": CHANNEL, "text": "x"})
        assert kind == "slow" or b'"ok": true' not in answer.content
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await browser.post(POST, json={"channel": CHANNEL, "text": "x"})).json()["ok"]


# --- what it posts ----------------------------------------------------------------------------------------------------------


async def test_what_people_do_is_signed_and_understood(browser: httpx2.AsyncClient, simulator: SlackSimulator) -> None:
    got: list[Inbound] = []

    async def handler(call: Call) -> Reply:
        try:
            request = HookRequest(method=call.method, url=f"{server.url}{call.target}", headers=call.headers, body=call.body)
            got.extend(provider("slack").read_hook(channel_of("slack"), request).callbacks)
        except HookRefused as refused:
            return Reply(refused.status_code)
        return Reply()

    ts = (await browser.post(POST, json={"channel": CHANNEL, "text": "x"})).json()["ts"]
    async with Server(handler) as server:
        common = {"url": f"{server.url}/hook", "sender": CHANNEL}
        for more in ({"text": "Habari", "thread": ts}, {"text": "Yes", "button": "y", "message": ts}, {"text": "/order 42"}):
            assert (await browser.post("/_sim/inbound", json={**common, **more})).json()["answer"] == 200
    assert [(one.text, one.button, one.reply_to) for one in got] == [
        ("Habari", None, f"{CHANNEL}:{ts}"),
        ("Yes", "y", f"{CHANNEL}:{ts}"),
        ("/order 42", None, None),
    ]

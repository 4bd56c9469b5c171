"""The simulator before Twilio's own client library, so that it is not only our reading of Twilio; and its faults and callbacks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import httpx2
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.simulators.faults import KINDS
from tests.simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, MAGIC_TO, SENDER, TwilioSimulator
from tests.simulators.wire import Call, Reply, Server

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


@pytest.fixture
async def simulator() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator() as running:
        yield running


@pytest.fixture
async def browser(simulator: TwilioSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url, auth=(ACCOUNT_SID, AUTH_TOKEN)) as client:
        yield client


class Redirected(TwilioHttpClient):
    """Twilio's client with another host: the library has no setting for it."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=5)
        self.url = url

    def request(self, method, url, **rest):
        return super().request(method, url.replace("https://api.twilio.com", self.url), **rest)


async def official(simulator: TwilioSimulator, work, token: str = AUTH_TOKEN):
    """Run the library's blocking calls beside the simulator's loop."""

    def call():
        client = Client(ACCOUNT_SID, token, http_client=Redirected(simulator.url))
        try:
            return work(client)
        finally:
            client.http_client.session.close()

    return await asyncio.to_thread(call)


# --- the official library -------------------------------------------------------------------------------------------------


async def test_the_official_library_sends_and_reads_back(simulator: TwilioSimulator) -> None:
    sent = await official(simulator, lambda client: client.messages.create(to="+254711000123", from_=SENDER, body="Habari €"))
    assert (sent.status, sent.num_segments, sent.to, sent.error_code) == ("queued", "1", "+254711000123", None)
    fetched = await official(simulator, lambda client: client.messages(sent.sid).fetch())
    assert fetched.body == "Habari €"
    assert simulator.requests == {"+254711000123": 1}


async def test_the_official_library_understands_refusals(simulator: TwilioSimulator) -> None:
    for to, number in MAGIC_TO.items():
        with pytest.raises(TwilioRestException) as error:
            await official(simulator, lambda client, to=to: client.messages.create(to=to, from_=SENDER, body="x"))
        assert error.value.code == number
    with pytest.raises(TwilioRestException) as error:
        await official(simulator, lambda client: client.messages.create(to="+254711000123", from_=SENDER, body="x"), token="wrong")
    assert (error.value.code, error.value.status) == (20003, 401)


async def test_the_official_library_reads_balance_and_account(simulator: TwilioSimulator) -> None:
    balance = await official(simulator, lambda client: client.balance.fetch())
    assert (balance.balance, balance.currency) == ("42.50", "USD")
    account = await official(simulator, lambda client: client.api.accounts(ACCOUNT_SID).fetch())
    assert (account.status, account.friendly_name) == ("active", "Simulated")


# --- strictness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ({"From": SENDER, "Body": "x"}, 21604),
        ({"To": "+254711000123", "Body": "x"}, 21603),
        ({"To": "+254711000123", "From": SENDER}, 21602),
        ({"To": "+254711000123", "From": SENDER, "Body": "x" * 1601}, 21617),
        ({"To": "0711000123", "From": SENDER, "Body": "x"}, 21211),
        ({"To": "+254711000123", "From": SENDER, "Body": "x", "StatusCallback": "not-a-url"}, 21609),
    ],
)
async def test_a_wrong_form_is_refused(browser: httpx2.AsyncClient, simulator: TwilioSimulator, form: dict, number: int) -> None:
    answer = await browser.post(MESSAGES, data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, number)
    assert not simulator.taken


async def test_json_and_foreign_accounts_and_paths_are_refused(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post(MESSAGES, json={"To": "+254711000123"})).status_code == 415
    assert (await browser.post(MESSAGES.replace("5", "6"), data={})).status_code == 404
    assert (await browser.get("/2010-04-01/Nothing.json")).status_code == 404
    assert (await browser.post(MESSAGES, data={}, auth=("AC", "wrong"))).json()["code"] == 20003


async def test_a_messaging_service_accepts_without_a_sender(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post(MESSAGES, data={"To": "+254711000123", "MessagingServiceSid": "MG" + "0" * 32, "Body": "x"})
    assert (answer.status_code, answer.json()["status"], answer.json()["num_segments"], answer.json()["from"]) == (
        201,
        "accepted",
        "0",
        None,
    )


# --- faults -----------------------------------------------------------------------------------------------------------------


def form_to(to: str) -> dict[str, str]:
    return {"To": to, "From": SENDER, "Body": "x"}


async def test_a_fault_lasts_for_so_many_requests(browser: httpx2.AsyncClient, simulator: TwilioSimulator) -> None:
    await browser.post("/_sim/faults", json={"kind": "rate_limited", "count": 2, "retry_after": "3"})
    answers = [await browser.post(MESSAGES, data=form_to("+254711000123")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["Retry-After"] == "3"
    assert (await browser.get("/_sim/requests")).json() == {"+254711000123": 3}
    assert (await browser.get("/_sim/taken")).json() == {"+254711000123": 1}
    assert [entry["outcome"] for entry in (await browser.get("/_sim/log")).json()] == ["refused", "refused", "taken"]


async def test_a_fault_may_meet_some_numbers_only(browser: httpx2.AsyncClient) -> None:
    await browser.post("/_sim/faults", json={"kind": "server_error", "numbers": ["+254711000001"]})
    assert [(await browser.post(MESSAGES, data=form_to(f"+25471100000{n}"))).status_code for n in range(3)] == [201, 500, 201]
    await browser.delete("/_sim/faults")
    assert (await browser.post(MESSAGES, data=form_to("+254711000001"))).status_code == 201


async def test_a_fraction_is_the_same_for_the_same_seed(browser: httpx2.AsyncClient) -> None:
    rounds = []
    for _ in range(2):
        await browser.post("/_sim/reset")
        await browser.post("/_sim/faults", json={"kind": "no_balance", "fraction": 0.3, "seed": 7})
        rounds.append([(await browser.post(MESSAGES, data=form_to(f"+2547110{n:05}"))).status_code for n in range(50)])
    assert rounds[0] == rounds[1]
    assert 5 < rounds[0].count(403) < 25


async def test_a_reset_may_come_after_the_message_was_taken(browser: httpx2.AsyncClient, simulator: TwilioSimulator) -> None:
    for taken in (False, True):
        await browser.post("/_sim/faults", json={"kind": "reset", "count": 1, "taken": taken})
        with pytest.raises(httpx2.TransportError):
            await browser.post(MESSAGES, data=form_to("+254711000123"))
    assert simulator.requests == {"+254711000123": 2}
    assert simulator.taken == {"+254711000123": 1}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(browser: httpx2.AsyncClient, simulator: TwilioSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await browser.post(MESSAGES, data=form_to("+254711000123"))
        assert kind in {"slow", "garbage"} or answer.status_code != 201
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await browser.post(MESSAGES, data=form_to("+254711000123"))).status_code == 201


async def test_a_fault_that_is_none_is_told(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post("/_sim/faults", json={"kind": "earthquake"})).status_code == 422
    assert (await browser.get("/_sim/nothing")).status_code == 422


# --- callbacks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def ours() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A place of ours that takes callbacks and believes only signed ones."""
    got: list[dict[str, str]] = []
    validator = RequestValidator(AUTH_TOKEN)

    async def handler(call: Call) -> Reply:
        form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        if not validator.validate(f"{server.url}{call.target}", form, call.headers["x-twilio-signature"]):
            return Reply(403)
        got.append(form)
        return Reply(200)

    async with Server(handler) as server:
        yield f"{server.url}/hook?m=1", got


async def statuses(browser: httpx2.AsyncClient, ours: tuple[str, list[dict[str, str]]], to: str = "+254711000123", **plan) -> list[str]:
    await browser.post("/_sim/receipts", json=plan)
    answer = await browser.post(MESSAGES, data={**form_to(to), "StatusCallback": ours[0]})
    before = len(ours[1])
    posted = (await browser.get("/_sim/callbacks?wait=1")).json()
    assert {each["answer"] for each in posted} <= {200}
    assert {form["MessageSid"] for form in ours[1]} <= {answer.json()["sid"]}
    assert not plan.get("before_answer") or before == len(ours[1])
    return [form["MessageStatus"] for form in ours[1]]


async def test_receipts_are_signed_and_in_order(browser: httpx2.AsyncClient, ours) -> None:
    assert await statuses(browser, ours, statuses=["sent", "delivered"]) == ["sent", "delivered"]


async def test_receipts_may_come_twice_late_and_out_of_order(browser: httpx2.AsyncClient, ours) -> None:
    assert await statuses(browser, ours, statuses=["sent", "delivered", "read"], twice=True, shuffled=True, seed=3, delay=0.01) != (
        ["sent"] * 2 + ["delivered"] * 2 + ["read"] * 2
    )
    assert sorted(form["MessageStatus"] for form in ours[1]) == ["delivered"] * 2 + ["read"] * 2 + ["sent"] * 2


async def test_receipts_may_overtake_the_answer(browser: httpx2.AsyncClient, ours) -> None:
    assert await statuses(browser, ours, statuses=["sent", "delivered"], before_answer=True) == ["sent", "delivered"]


async def test_some_numbers_may_fail_in_the_end(browser: httpx2.AsyncClient, ours) -> None:
    got = await statuses(browser, ours, statuses=["sent", "delivered"], failing=["+254711000123"], error_code="30005")
    assert got == ["sent", "undelivered"]
    assert ours[1][-1]["ErrorCode"] == "30005"


async def test_one_more_receipt_on_request(browser: httpx2.AsyncClient, ours) -> None:
    await statuses(browser, ours)
    [sid] = {entry["id"] for entry in (await browser.get("/_sim/log")).json()}
    assert (await browser.post("/_sim/status", json={"id": sid, "status": "read"})).json()["answer"] == 200
    assert [form["MessageStatus"] for form in ours[1]] == ["read"]


async def test_a_person_may_write_and_opt_out(browser: httpx2.AsyncClient, ours) -> None:
    await browser.post("/_sim/inbound", json={"url": ours[0], "sender": "+254711000123", "text": "Stop", "opt_out_type": "STOP"})
    [form] = ours[1]
    assert (form["Body"], form["OptOutType"], form["From"]) == ("Stop", "STOP", "+254711000123")
    assert (await browser.post(MESSAGES, data=form_to("+254711000123"))).json()["code"] == 21610


# --- as processes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["tests.simulators.twilio", "tests.simulators.africastalking", "tests.simulators.twilio_stub"])
def test_each_runs_as_a_process_that_tells_its_port(module: str) -> None:
    with subprocess.Popen([sys.executable, "-m", module, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            path = "/_sim/count" if module.endswith("stub") else "/_sim/requests"
            with requests.get(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                assert answer.status_code == 200
        finally:
            process.terminate()
        assert process.wait(5) == 0

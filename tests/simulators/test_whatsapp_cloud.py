"""The simulator before pywa, a WhatsApp client in wide use, so that it is not only our reading of Meta; and its faults and webhooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import httpx2
import pytest
from pywa import WhatsApp, handlers
from pywa.errors import ExpiredAccessToken, ReEngagementMessage, TemplateNotExists, TemplateParamCountMismatch, WhatsAppError
from pywa.types import Button, Message, MessageStatus, URLButton
from pywa.types.message_status import MessageStatusType
from pywa.types.templates import BodyText, CopyCodeButton, HeaderImage, HeaderText, QuickReplyButton, TemplateLanguage
from pywa.types.templates import URLButton as TemplateURLButton

from tests.simulators.faults import KINDS
from tests.simulators.whatsapp_cloud import (
    ACCESS_TOKEN,
    APP_SECRET,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WABA_ID,
    WhatsAppSimulator,
    envelope,
    signature,
)
from tests.simulators.wire import Call, Reply, Server

T = TypeVar("T")
ASHA = "+254711000123"
NO_NUMBER = "KE.13491208655302741918"
MESSAGES = f"/v25.0/{PHONE_NUMBER_ID}/messages"


@pytest.fixture
async def simulator() -> AsyncIterator[WhatsAppSimulator]:
    async with WhatsAppSimulator() as running:
        yield running


def client(url: str, token: str = ACCESS_TOKEN) -> Iterator[WhatsApp]:
    made = WhatsApp(
        phone_id=PHONE_NUMBER_ID,
        token=token,
        waba_id=WABA_ID,
        app_secret=APP_SECRET,
        verify_token=VERIFY_TOKEN,
        server=None,
    )
    made.api._session.base_url = f"{url}/v25.0"  # the library has no setting for it
    try:
        yield made
    finally:
        made.api._session.close()


async def pywa(simulator: WhatsAppSimulator, work: Callable[[WhatsApp], T], token: str = ACCESS_TOKEN) -> T:
    """Run the library's blocking calls beside the simulator's loop."""

    def call() -> T:
        for made in client(simulator.url, token):
            return work(made)
        raise AssertionError

    return await asyncio.to_thread(call)


def opened(simulator: WhatsAppSimulator, *people: str) -> None:
    """These have written a moment ago."""
    simulator.heard.update(dict.fromkeys(people, float("inf")))


# --- the library sends ------------------------------------------------------------------------------------------------------


async def test_pywa_sends_a_text_to_a_number_and_to_somebody_without_one(simulator: WhatsAppSimulator) -> None:
    opened(simulator, ASHA, NO_NUMBER)
    sent = await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="Habari", tracker="msg_1", reply_to_message_id="wamid.x"))
    assert sent.id in simulator.messages
    assert simulator.bodies[sent.id]["biz_opaque_callback_data"] == "msg_1"
    assert simulator.bodies[sent.id]["context"] == {"message_id": "wamid.x"}
    nameless = await pywa(simulator, lambda wa: wa.send_message(to=NO_NUMBER, text="Habari"))
    assert simulator.bodies[nameless.id]["recipient"] == NO_NUMBER
    assert nameless.to == NO_NUMBER


async def test_pywa_sends_buttons_and_files(simulator: WhatsAppSimulator) -> None:
    opened(simulator, ASHA)
    await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="Ready?", buttons=[Button(title="Yes", callback_data="y")]))
    await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="See", buttons=URLButton(title="Open", url="https://shop.example")))
    await pywa(simulator, lambda wa: wa.send_image(to=ASHA, image="https://shop.example/a.jpg", caption="A"))
    uploaded = await pywa(simulator, lambda wa: wa.upload_media(b"%PDF-1.7", mime_type="application/pdf", filename="bill.pdf"))
    sent = await pywa(simulator, lambda wa: wa.send_document(to=ASHA, document=uploaded.id, filename="bill.pdf"))
    assert simulator.media[simulator.bodies[sent.id]["document"]["id"]] == ("application/pdf", b"%PDF-1.7")
    assert simulator.taken == {ASHA: 4}


async def test_pywa_sends_templates(simulator: WhatsAppSimulator) -> None:
    plain = await pywa(simulator, lambda wa: wa.send_template(to=ASHA, name="hello_world", language=TemplateLanguage.ENGLISH_US, params=[]))
    assert plain.id in simulator.messages
    positional = [
        HeaderText.params("7"),
        BodyText.params("Asha", "7"),
        QuickReplyButton.params(callback_data="coming", index=0),
        TemplateURLButton.params(url_variable="7", index=1),
    ]
    await pywa(simulator, lambda wa: wa.send_template(to=ASHA, name="order_ready", language=TemplateLanguage.ENGLISH, params=positional))
    named = [
        HeaderImage.params(image="https://shop.example/a.jpg"),
        BodyText.params(first_name="Asha", discount="20"),
        CopyCodeButton.params(coupon_code="MAI20", index=0),
    ]
    await pywa(simulator, lambda wa: wa.send_template(to=ASHA, name="season", language=TemplateLanguage.FRENCH, params=named))
    assert simulator.taken == {ASHA: 3}


async def test_pywa_understands_refusals(simulator: WhatsAppSimulator) -> None:
    with pytest.raises(ReEngagementMessage):
        await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="Too late"))
    with pytest.raises(ExpiredAccessToken):
        await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="x"), token="wrong")
    with pytest.raises(TemplateNotExists):
        await pywa(simulator, lambda wa: wa.send_template(to=ASHA, name="none", language=TemplateLanguage.ENGLISH, params=[]))
    params = [HeaderText.params("7"), BodyText.params("Asha")]
    with pytest.raises(TemplateParamCountMismatch):
        await pywa(simulator, lambda wa: wa.send_template(to=ASHA, name="order_ready", language=TemplateLanguage.ENGLISH, params=params))
    assert not simulator.taken


async def test_pywa_reads_the_number_the_templates_and_files(simulator: WhatsAppSimulator) -> None:
    number = await pywa(simulator, lambda wa: wa.get_business_phone_number())
    assert (number.verified_name, number.display_phone_number) == ("The Shop", "+1 555-078-3881")
    templates = await pywa(simulator, lambda wa: list(wa.get_templates()))
    assert {template.name for template in templates} == {"hello_world", "order_ready", "season", "tired"}
    media_id = simulator.add_media("image/jpeg", b"\xff\xd8")
    assert await pywa(simulator, lambda wa: wa.get_media_url(media_id).get_bytes()) == b"\xff\xd8"


# --- the library is called --------------------------------------------------------------------------------------------------


async def test_pywa_believes_and_reads_the_simulators_webhooks(simulator: WhatsAppSimulator) -> None:
    got: list[Message | MessageStatus] = []
    told: list[tuple[int, object]] = []

    async def handler(call: Call) -> Reply:
        def handle() -> Reply:
            for wa in client(simulator.url):
                wa.add_handlers(
                    handlers.MessageHandler(lambda _, message: got.append(message)),
                    handlers.MessageStatusHandler(lambda _, status: got.append(status)),
                )
                refused = wa.webhook_update_validator(call.body, call.headers.get("x-hub-signature-256"))
                told.append((200, refused))
                if refused is None:
                    assert wa.webhook_update_handler(call.body) == ("ok", 200)
            return Reply(200)

        return await asyncio.to_thread(handle)

    async with Server(handler) as ours:
        await simulator.post_inbound(url=ours.url, sender=ASHA, text="Habari", name="Asha", reply_to="wamid.before")
        await simulator.post_inbound(url=ours.url, sender=NO_NUMBER, text="Hi")
        await simulator.post_inbound(url=ours.url, sender=ASHA, text="Picture", type="image")
        simulator.plan.url = ours.url
        sent = await pywa(simulator, lambda wa: wa.send_message(to=ASHA, text="Karibu", tracker="msg_9"))
        for word in ("sent", "delivered", "read", "failed"):
            await simulator.post_status(simulator.messages[sent.id], word)
    assert [refused for _, refused in told] == [None] * 7
    first, nameless, picture, *statuses = got
    assert (first.text, first.from_user.wa_id, first.from_user.name, first.reply_to_message.id) == (
        "Habari",
        ASHA[1:],
        "Asha",
        "wamid.before",
    )
    assert (nameless.from_user.wa_id, nameless.from_user.bsuid) == (None, NO_NUMBER)
    assert picture.image.mime_type == "image/jpeg"
    assert [status.status for status in statuses] == [
        MessageStatusType.SENT,
        MessageStatusType.DELIVERED,
        MessageStatusType.READ,
        MessageStatusType.FAILED,
    ]
    assert {status.tracker for status in statuses} == {"msg_9"}
    assert isinstance(statuses[-1].error, WhatsAppError)


def test_pywa_refuses_a_forged_signature() -> None:
    body = json.dumps(envelope({"statuses": []})).encode()
    for wa in client("http://127.0.0.1:1"):
        assert wa.webhook_update_validator(body, signature(body)) is None
        assert wa.webhook_update_validator(body + b" ", signature(body)) == ("Forbidden", 403)


# --- strictness and faults ----------------------------------------------------------------------------------------------------


def text_to(to: str) -> dict[str, object]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "x"}}


async def ask(simulator: WhatsAppSimulator, body: object) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=False, headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}, timeout=5) as browser:
        return await browser.post(f"{simulator.url}{MESSAGES}", json=body)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"colour": "red"}, 100),
        ({"to": None}, 131008),
        ({"to": "0711"}, 131009),
        ({"to": None, "recipient": "+254"}, 131009),
        ({"text": None}, 131008),
        ({"text": {}}, 131008),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"type": "poem", "poem": {}}, 131051),
        ({"type": "image", "image": {"link": "https://a/b", "id": "1"}}, 100),
        ({"type": "image", "image": {"id": "unknown"}}, 131009),
        ({"type": "audio", "audio": {"link": "https://a/b", "caption": "no"}}, 100),
        ({"type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": []}}}, 131009),
        ({"to": "15550783881"}, 131021),
    ],
)
async def test_what_meta_would_refuse_is_refused(simulator: WhatsAppSimulator, changes: dict[str, object], code: int) -> None:
    opened(simulator, ASHA)
    body = {**text_to(ASHA), **changes}
    if body["type"] != "text":
        del body["text"]
    answer = await ask(simulator, {name: value for name, value in body.items() if value is not None})
    assert answer.json()["error"]["code"] == code


async def test_the_window_closes_after_a_day(simulator: WhatsAppSimulator) -> None:
    simulator.heard[ASHA] = 0.0
    assert (await ask(simulator, text_to(ASHA))).json()["error"]["code"] == 131047
    opened(simulator, ASHA)
    assert (await ask(simulator, text_to(ASHA))).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(simulator: WhatsAppSimulator, kind: str) -> None:
    opened(simulator, ASHA)
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await ask(simulator, text_to(ASHA))
        assert kind in {"slow", "garbage", "html", "empty"} or answer.status_code != 200
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await ask(simulator, text_to(ASHA))).status_code == 200

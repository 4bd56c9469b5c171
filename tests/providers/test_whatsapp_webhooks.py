"""What Meta posts: its one question, receipts, and everything that people can send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from tests.providers.channels import HOOK, channel_of
from tests.simulators.whatsapp_cloud import (
    APP_SECRET,
    NUMBER,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WhatsAppSimulator,
    contact,
    envelope,
    signature,
)
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import (
    Callback,
    ErrorCode,
    HookAnswer,
    HookRefused,
    HookRequest,
    Inbound,
    Linked,
    Location,
    ProviderOptOut,
    Receipt,
    ReceivedMedia,
)

CHANNEL = channel_of("whatsapp_cloud")
ASHA = "+254711000123"
NO_NUMBER = "KE.13491208655302741918"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAMP = str(int(AT.timestamp()))


def call(body: bytes, **headers: str) -> HookAnswer:
    request = HookRequest(method="POST", url=HOOK, headers={"x-hub-signature-256": signature(body), **headers}, body=body)
    return provider("whatsapp_cloud").read_hook(CHANNEL, request)


def read(payload: object) -> list[Callback]:
    return list(call(json.dumps(payload).encode()).callbacks)


def received(sender: str = ASHA, name: str = "Asha", **message: object) -> Inbound:
    sent = {"from": sender[1:]} if sender.startswith("+") else {"from_user_id": sender}
    full = {**sent, "id": "wamid.1", "timestamp": STAMP, **message}
    [inbound] = read(envelope({"contacts": [contact(sender, name)], "messages": [full]}))
    assert isinstance(inbound, Inbound)
    return inbound


def nothing(**message: object) -> bool:
    full = {"from": ASHA[1:], "id": "wamid.1", "timestamp": STAMP, **message}
    return read(envelope({"contacts": [contact(ASHA)], "messages": [full]})) == []


# --- whether the address is ours ----------------------------------------------------------------------------------------------


def ask(**query: str) -> HookAnswer:
    full = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444", **query}
    return provider("whatsapp_cloud").read_hook(CHANNEL, HookRequest(method="GET", url=f"{HOOK}?{urlencode(full)}", headers={}, body=b""))


def test_metas_question_is_answered_with_its_challenge() -> None:
    assert ask() == HookAnswer(body=b"1158201444", content_type="text/plain")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"hub.verify_token": "wrong"}, 403),
        ({"hub.verify_token": "é"}, 403),
        ({"hub.mode": "unsubscribe"}, 403),
        ({"hub.challenge": "<script>alert(1)</script>"}, 400),
        ({"hub.challenge": ""}, 400),
    ],
)
def test_any_other_question_is_refused(query: dict[str, str], status: int) -> None:
    with pytest.raises(HookRefused) as refused:
        ask(**query)
    assert refused.value.status_code == status


def test_without_a_verify_token_nobody_is_answered() -> None:
    url = f"{HOOK}?hub.mode=subscribe&hub.verify_token=&hub.challenge=1"
    with pytest.raises(HookRefused):
        provider("whatsapp_cloud").read_hook(
            channel_of("whatsapp_cloud", credentials={}), HookRequest(method="GET", url=url, headers={}, body=b"")
        )


# --- who calls ------------------------------------------------------------------------------------------------------------------


def test_a_forged_or_altered_call_is_refused() -> None:
    body = json.dumps(envelope({"statuses": []})).encode()
    for given in ("", "é", "sha256=", signature(body, "another secret"), signature(body).removeprefix("sha256=")):
        with pytest.raises(HookRefused) as refused:
            call(body, **{"x-hub-signature-256": given})
        assert refused.value.status_code == 403
    with pytest.raises(HookRefused):
        call(body + b" ", **{"x-hub-signature-256": signature(body)})
    without = channel_of("whatsapp_cloud", credentials={})
    with pytest.raises(HookRefused):
        provider("whatsapp_cloud").read_hook(
            without, HookRequest(method="POST", url=HOOK, headers={"x-hub-signature-256": signature(body, "")}, body=body)
        )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"object": "page", "entry": []}', b'{"object": 1}', b"\xff"])
def test_a_signed_call_about_something_else_is_a_bad_one(body: bytes) -> None:
    with pytest.raises(HookRefused) as refused:
        call(body)
    assert refused.value.status_code == 400


# --- receipts -------------------------------------------------------------------------------------------------------------------


def status(word: str, **more: object) -> dict[str, object]:
    return {"id": "wamid.9", "status": word, "timestamp": STAMP, "recipient_id": ASHA[1:], "biz_opaque_callback_data": "msg_9", **more}


@pytest.mark.parametrize(
    ("word", "ours"), [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")]
)
def test_a_receipt_carries_our_id(word: str, ours: str) -> None:
    [receipt] = read(envelope({"statuses": [status(word)]}))
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.reference, receipt.status, receipt.provider_status, receipt.at) == (
        "wamid.9",
        "msg_9",
        ours,
        word,
        AT,
    )
    assert (receipt.code is None) == (receipt.detail is None) == (ours != "failed")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        (131026, ErrorCode.UNREACHABLE),
        (131047, ErrorCode.TEMPLATE_REQUIRED),
        (131042, ErrorCode.INSUFFICIENT_BALANCE),
        (131049, ErrorCode.BLOCKED),
        (131050, ErrorCode.OPTED_OUT),
        (130472, ErrorCode.BLOCKED),
        (131053, ErrorCode.REJECTED_CONTENT),
        (99999, ErrorCode.UNREACHABLE),
    ],
)
def test_a_failure_says_why(code: int, ours: ErrorCode) -> None:
    errors = [{"code": code, "title": "No", "message": "No", "error_data": {"details": "Because of it."}, "href": "https://x"}]
    [receipt] = read(envelope({"statuses": [status("failed", errors=errors)]}))
    assert isinstance(receipt, Receipt)
    assert (receipt.code, receipt.detail) == (ours, f"WhatsApp error {code}: No – Because of it.")


def test_deleted_and_unknown_words_change_nothing() -> None:
    assert read(envelope({"statuses": [status("deleted"), status("warning"), status("odd"), status("sent", id="")]})) == []


@pytest.mark.parametrize("stamp", [None, "", "soon", 10**30, "9" * 40])
def test_an_odd_time_is_no_time(stamp: object) -> None:
    [receipt] = read(envelope({"statuses": [status("sent", timestamp=stamp)]}))
    assert isinstance(receipt, Receipt)
    assert receipt.at is None


# --- what people send -----------------------------------------------------------------------------------------------------------


def test_a_text() -> None:
    assert received(type="text", text={"body": "Nini? 😀"}, context={"id": "wamid.0", "from": NUMBER}) == Inbound(
        provider_message_id="wamid.1",
        sender=ASHA,
        recipient=f"+{NUMBER}",
        text="Nini? 😀",
        at=AT,
        sender_name="Asha",
        reply_to="wamid.0",
    )


def test_somebody_without_a_number() -> None:
    inbound = received(NO_NUMBER, type="text", text={"body": "Hi"})
    assert (inbound.sender, inbound.sender_name) == (NO_NUMBER, "Asha")


def test_a_username_stands_for_a_missing_name() -> None:
    value = {
        "contacts": [{"user_id": NO_NUMBER, "profile": {"username": "asha.k"}}],
        "messages": [{"id": "wamid.1", "type": "text", "text": {"body": "x"}}],
    }
    [inbound] = read(envelope(value))
    assert isinstance(inbound, Inbound)
    assert (inbound.sender, inbound.sender_name, inbound.at) == (NO_NUMBER, "asha.k", None)


@pytest.mark.parametrize(
    ("kind", "mime_type", "content_type"),
    [
        ("image", "image/jpeg", "image/jpeg"),
        ("video", "video/mp4", "video/mp4"),
        ("audio", "audio/ogg; codecs=opus", "audio/ogg"),
        ("document", "application/pdf", "application/pdf"),
        ("sticker", "image/webp", "image/webp"),
    ],
)
def test_a_file(kind: str, mime_type: str, content_type: str) -> None:
    file = {"id": "555", "mime_type": mime_type, "sha256": "x", "caption": "Look", "filename": "a", "voice": True}
    inbound = received(type=kind, **{kind: file})
    assert inbound.text == "Look"
    assert inbound.media == (ReceivedMedia(kind=kind, provider_id="555", content_type=content_type, file_name="a"),)  # type: ignore[arg-type]


def test_a_place() -> None:
    place = received(type="location", location={"latitude": -1.28, "longitude": 36, "name": "Shop"}).location
    assert place == Location(latitude=-1.28, longitude=36.0, name="Shop")


@pytest.mark.parametrize(
    ("message", "text", "button"),
    [
        ({"type": "button", "button": {"text": "On my way", "payload": "coming"}}, "On my way", "coming"),
        ({"type": "button", "button": {"text": "On my way"}}, "On my way", "On my way"),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}}}, "Yes", "y"),
        ({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "2", "title": "Two"}}}, "Two", "2"),
        ({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}}, "Sent", None),
        (
            {
                "type": "contacts",
                "contacts": [{"name": {"formatted_name": "Jane Doe"}, "phones": [{"phone": "+254 711"}]}, {"phones": []}, 5],
            },
            "Jane Doe: +254 711\n\n",
            None,
        ),
        (
            {"type": "order", "order": {"text": "Please", "product_items": [{"product_retailer_id": "mug", "quantity": 2}]}},
            "Please\n2 x mug",
            None,
        ),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "", None),
        ({"type": "text", "text": "of another shape"}, "", None),
    ],
)
def test_other_things_people_send(message: dict, text: str, button: str | None) -> None:
    inbound = received(**message)
    assert (inbound.text.strip("\n"), inbound.button) == (text.strip("\n"), button)


def test_an_edited_message_is_what_it_says_then() -> None:
    edit = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "Tomorrow"}}}
    inbound = received(type="edit", edit=edit)
    assert (inbound.provider_message_id, inbound.text, inbound.reply_to) == ("wamid.1", "Tomorrow", "wamid.0")


@pytest.mark.parametrize(
    "message",
    [
        {"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}},
        {"type": "system", "system": {"body": "A changed from 1 to 2", "type": "user_changed_number", "wa_id": "2"}},
        {"type": "revoke", "revoke": {"original_message_id": "wamid.0"}},
        {"type": "text", "text": {"body": "to a group"}, "group_id": "Y2Fw"},
        {"type": "text", "id": ""},
        {"type": "text", "id": 5},
    ],
)
def test_what_nobody_wrote_to_us_is_left_out(message: dict) -> None:
    assert nothing(**message)


def test_a_sent_link_belongs_to_whoever_was_given_it() -> None:
    value = {
        "contacts": [contact(ASHA)],
        "messages": [{"from": ASHA[1:], "id": "wamid.1", "type": "text", "text": {"body": " /start c0de_-123"}}],
    }
    assert read(envelope(value)) == [Linked(code="c0de_-123", address=ASHA, name="Asha")]
    assert received(type="text", text={"body": "/start"}).text == "/start"
    assert received(type="text", text={"body": "start c0de_-123"}).text == "start c0de_-123"


def test_a_person_who_stops_marketing_messages_opts_out() -> None:
    wish = {"wa_id": ASHA[1:], "category": "marketing_messages", "detail": "User requested to stop", "timestamp": 1}
    value = {"user_preferences": [{**wish, "value": "stop"}, {**wish, "value": "resume"}, {"user_id": NO_NUMBER, "value": "stop"}, 5]}
    assert read(envelope(value, field="user_preferences")) == [ProviderOptOut(address=ASHA), ProviderOptOut(address=NO_NUMBER)]


# --- many at once ---------------------------------------------------------------------------------------------------------------


def test_a_batch_is_read_whole_and_only_for_this_number() -> None:
    ours = envelope({"statuses": [status("sent"), 5, {"id": 1}, status("read")], "contacts": [5], "messages": ["?"]})["entry"]
    foreign = envelope({"statuses": [status("failed")]}, phone_number_id="999999")["entry"]
    other = envelope({"statuses": [status("failed")]}, field="account_update")["entry"]
    odd = [{"id": "1", "changes": [{"field": "messages", "value": "?"}, {"field": "messages"}]}]
    many = {"object": "whatsapp_business_account", "entry": [*foreign, *other, *odd, *ours, *ours]}
    assert [receipt.status for receipt in read(many) if isinstance(receipt, Receipt)] == ["sent", "read", "sent", "read"]
    assert read(envelope({}, phone_number_id="999999")) == []


async def test_the_simulators_webhooks_are_read() -> None:
    """Through real HTTP: what was signed there is believed here."""
    got: list[Callback] = []

    async def handler(call: Call) -> Reply:
        request = HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)
        got.extend(provider("whatsapp_cloud").read_hook(CHANNEL, request).callbacks)
        return Reply(200)

    async with WhatsAppSimulator() as simulator, Server(handler) as ours:
        for kind in ("text", "image", "button", "interactive", "location"):
            await simulator.post_inbound(url=ours.url, sender=ASHA, text="Yes", payload="y", type=kind)
        assert {posted.answer for posted in simulator.poster.posted} == {200}
    assert [one.button for one in got if isinstance(one, Inbound)] == [None, None, "y", "y", None]
    assert (CHANNEL.credentials["app_secret"], CHANNEL.settings["phone_number_id"]) == (APP_SECRET, PHONE_NUMBER_ID)

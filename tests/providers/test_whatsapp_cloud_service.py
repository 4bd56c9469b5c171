"""WhatsApp by Meta's Cloud API before a strict service: what goes through, what it refuses, and what can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import unquote

import pytest
from msgspec import structs

from tests.providers.channels import channel_of, outgoing
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tests.simulators.wire import Reply, Server
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    FetchesMedia,
    Links,
    Media,
    Outcome,
    Outgoing,
    ProviderError,
    ReceivedMedia,
    SendFailed,
    Templates,
    TemplateUse,
)
from tidings.providers.http import Http
from tidings.providers.whatsapp_cloud.provider import WhatsAppCloud

ASHA = "+254711000123"
NO_NUMBER = "KE.13491208655302741918"
PICTURE = Media(kind="image", content_type="image/jpeg", url="https://shop.example/a.jpg")
BILL = Media(kind="document", content_type="application/pdf", file_name="bill.pdf", content=b"%PDF-1.7")


def message(text: str = "Habari", to: str = ASHA, **parts: object) -> Outgoing:
    return structs.replace(outgoing(7, to, text), **parts)


REPLIES = (Button(label="Yes", value="y"), Button(label="No"))
OPEN = (Button(label="Open", kind="url", value="https://shop.example"),)


@pytest.mark.parametrize(
    "parts",
    [
        {"media": replace(PICTURE, kind="audio")},
        {"media": replace(PICTURE, kind="sticker")},
        {"text": "", "media": replace(PICTURE, kind="sticker"), "buttons": REPLIES},
        {"text": "", "buttons": REPLIES},
        {"buttons": REPLIES + OPEN},
        {"buttons": OPEN + OPEN},
        {"text": "", "template": TemplateUse(name="x", language="en", header_media=replace(PICTURE, kind="audio"))},
        {"text": "", "template": TemplateUse(name="x", language="en", buttons=("p",), button_kinds=("other",))},
    ],
)
async def test_what_whatsapp_has_no_form_for_is_told_and_not_sent_in_part(http: Http, parts: dict) -> None:
    async with WhatsAppSimulator() as simulator:
        [outcome] = await provider("whatsapp_cloud").send(http, channel_of("whatsapp_cloud", simulator.url), [message(**parts)])
        assert not simulator.requests
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.UNSUPPORTED, False)


# --- against the simulator ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator() -> AsyncIterator[WhatsAppSimulator]:
    async with WhatsAppSimulator() as running:
        running.heard = dict.fromkeys((ASHA, NO_NUMBER), float("inf"))
        yield running


async def send(simulator: WhatsAppSimulator, http: Http, **parts: object) -> Outcome:
    [outcome] = await provider("whatsapp_cloud").send(http, channel_of("whatsapp_cloud", simulator.url), [message(**parts)])  # type: ignore[arg-type]
    return outcome


SEASON = TemplateUse(
    name="season",
    language="fr",
    header_media=replace(BILL, kind="image", content_type="image/jpeg"),
    body={"first_name": "Asha", "discount": "20"},
    buttons=("MAI20",),
    button_kinds=("code",),
)
ORDER = TemplateUse(name="order_ready", language="en", header_text="7", body={"1": "Asha", "2": "7"}, buttons=("", "7"))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"to": NO_NUMBER},
        {"media": PICTURE},
        {"media": BILL},
        {"buttons": REPLIES},
        {"buttons": OPEN, "media": PICTURE},
        {"buttons": REPLIES, "media": BILL},
        {"reply_to": "wamid.1"},
        {"text": "", "template": ORDER, "to": "+254711999999"},
        {"text": "", "template": SEASON},
    ],
)
async def test_a_message_of_each_kind_is_taken_by_a_strict_service(simulator: WhatsAppSimulator, http: Http, parts: dict) -> None:
    outcome = await send(simulator, http, **parts)
    assert isinstance(outcome, Accepted), outcome
    assert simulator.bodies[outcome.provider_message_id]["biz_opaque_callback_data"] == "msg_00000000000000000000000007"


async def test_a_file_is_uploaded_whole_and_then_sent_by_its_id(simulator: WhatsAppSimulator, http: Http) -> None:
    outcome = await send(simulator, http, text="Your bill", media=BILL)
    assert isinstance(outcome, Accepted)
    document = simulator.bodies[outcome.provider_message_id]["document"]
    assert (document["caption"], document["filename"]) == ("Your bill", "bill.pdf")
    assert simulator.media[document["id"]] == ("application/pdf", b"%PDF-1.7")


async def test_a_file_that_is_refused_ends_the_message(simulator: WhatsAppSimulator, http: Http) -> None:
    outcome = await send(simulator, http, media=replace(BILL, content_type="application/zip"))
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.REJECTED_CONTENT
    assert not simulator.requests


async def test_a_lost_upload_is_no_doubt_about_the_message(http: Http) -> None:
    async def lost(_: object) -> Reply:
        return Reply(reset=True)

    async with Server(lost) as server:
        [outcome] = await provider("whatsapp_cloud").send(http, channel_of("whatsapp_cloud", server.url), [message(media=BILL)])
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)


async def test_outside_the_window_a_template_is_needed(simulator: WhatsAppSimulator, http: Http) -> None:
    simulator.heard.clear()
    outcome = await send(simulator, http)
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.TEMPLATE_REQUIRED
    assert isinstance(await send(simulator, http, text="", template=ORDER), Accepted)


async def test_refusals_by_the_service(simulator: WhatsAppSimulator, http: Http) -> None:
    simulator.stopped.add(ASHA)
    for parts, code in [
        ({"text": "x" * 4097}, "rejected_content"),
        ({"text": "", "template": replace(ORDER, body={"1": "Asha"})}, "rejected_content"),
        ({"text": "", "template": replace(ORDER, language="de")}, "rejected_content"),
        ({"text": "", "template": TemplateUse(name="tired", language="en")}, "rejected_content"),
        ({"text": "", "template": SEASON}, "opted_out"),
        ({"to": "+15550783881"}, "invalid_address"),
    ]:
        outcome = await send(simulator, http, **parts)
        assert isinstance(outcome, SendFailed)
        assert outcome.code == code


async def test_the_template_list_goes_through_all_pages(simulator: WhatsAppSimulator, http: Http) -> None:
    whatsapp = WhatsAppCloud()
    assert isinstance(whatsapp, Templates)
    simulator.templates = [{**simulator.templates[0], "name": f"t{number}"} for number in range(120)] + simulator.templates[1:]
    found = await whatsapp.templates(http, channel_of("whatsapp_cloud", simulator.url))
    assert [each.name for each in found[:120]] == [f"t{number}" for number in range(120)]
    order, season, tired = found[120:]
    assert (order.status, order.category, order.parameters, order.header) == ("approved", "utility", ("1", "2"), "text")
    assert (order.text, order.buttons, order.button_kinds) == (
        "Hello {{1}}, your order {{2}} is ready.",
        ("On my way", "Track"),
        ("reply", "url"),
    )
    assert (season.language, season.parameters, season.header, season.button_kinds) == (
        "fr",
        ("first_name", "discount"),
        "image",
        ("code",),
    )
    assert tired.status == "paused"


async def test_check_tells_what_is_ready_and_what_is_wrong(simulator: WhatsAppSimulator, http: Http) -> None:
    whatsapp, channel = provider("whatsapp_cloud"), channel_of("whatsapp_cloud", simulator.url)
    told = await whatsapp.check(http, channel)
    assert told == "The number +1 555-078-3881 (“The Shop”) is ready. Its quality rating is GREEN."
    simulator.apps = []
    assert "No app is subscribed" in await whatsapp.check(http, channel)
    for changes, code in [
        ({"credentials": {"access_token": "wrong"}}, ErrorCode.INVALID_CREDENTIALS),
        ({"settings": {"phone_number_id": "12345", "waba_id": "12345"}}, ErrorCode.INVALID_CREDENTIALS),
    ]:
        with pytest.raises(ProviderError) as error:
            await whatsapp.check(http, replace(channel, **changes))
        assert error.value.code == code
    simulator.status = "BANNED"
    with pytest.raises(ProviderError, match="BANNED"):
        await whatsapp.check(http, channel)


async def test_there_is_no_balance(http: Http) -> None:
    with pytest.raises(ProviderError, match="no balance"):
        await provider("whatsapp_cloud").balance(http, channel_of("whatsapp_cloud"))


@pytest.mark.parametrize(("sender", "number"), [("+15550783881", "15550783881"), ("", "15550783881")])
async def test_a_link_opens_a_chat_with_the_code_typed(simulator: WhatsAppSimulator, http: Http, sender: str, number: str) -> None:
    whatsapp = WhatsAppCloud()
    assert isinstance(whatsapp, Links)
    address = await whatsapp.link(http, channel_of("whatsapp_cloud", simulator.url, sender=sender), "c0de_-123")
    assert unquote(address) == f"https://wa.me/{number}?text=/start c0de_-123"
    assert " " not in address


# --- files that people sent ---------------------------------------------------------------------------------------------------


async def fetch(simulator: WhatsAppSimulator, http: Http, media_id: str, max_bytes: int = 100_000) -> bytes:
    whatsapp = WhatsAppCloud()
    assert isinstance(whatsapp, FetchesMedia)
    picture = ReceivedMedia(kind="image", provider_id=media_id)
    return await whatsapp.fetch_media(http, channel_of("whatsapp_cloud", simulator.url), picture, max_bytes=max_bytes)


async def test_a_file_is_fetched_with_the_token_even_when_larger_than_other_answers(simulator: WhatsAppSimulator, http: Http) -> None:
    content = b"\xff\xd8" + b"x" * 50_000
    assert await fetch(simulator, http, simulator.add_media("image/jpeg", content)) == content


async def test_a_file_too_large_is_not_fetched(simulator: WhatsAppSimulator, http: Http) -> None:
    with pytest.raises(ProviderError, match="larger than 1000 bytes"):
        await fetch(simulator, http, simulator.add_media("image/jpeg", b"x" * 1001), max_bytes=1000)


async def test_an_unknown_file_is_told(simulator: WhatsAppSimulator, http: Http) -> None:
    for media_id in ("999", ""):
        with pytest.raises(ProviderError):
            await fetch(simulator, http, media_id)


@pytest.mark.parametrize("host", ["http://lookaside.fbsbx.com", "https://fbsbx.com.evil.example", "https://evil.example", "https://[::1"])
async def test_the_token_is_shown_to_meta_alone(simulator: WhatsAppSimulator, http: Http, host: str) -> None:
    simulator.media_host = host
    with pytest.raises(ProviderError, match="not Meta's own"):
        await fetch(simulator, http, simulator.add_media("image/jpeg", b"x"))

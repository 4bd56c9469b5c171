"""A shop's phone, linked: the code, the link, messages out. The bridge is a real process, WhatsApp is played (tests/simulators)."""

from __future__ import annotations

import asyncio

import pytest
from neonize.proto import Neonize_pb2 as proto

from tests.providers.channels import outgoing
from tests.providers.linked import NUMBER, PNG, Running, channel_of, provider_of, until
from tests.simulators.whatsapp_linked import Device, LinkedWhatsApp, jid
from tests.simulators.wire import Call, Reply, Server
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    Media,
    Outgoing,
    ProviderError,
    SendFailed,
    SendUncertain,
    TemplateUse,
)
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

pytestmark = pytest.mark.asyncio(loop_scope="session")
FRIEND = jid("254711000009")


async def send(session: Running, *messages: Outgoing) -> list:
    return await session.provider.send(session.http, session.channel, list(messages or [outgoing()]))


# --- the link -----------------------------------------------------------------------------------------------------------


async def test_a_phone_is_linked_by_scanning(session: Running, whatsapp: LinkedWhatsApp) -> None:
    device = await whatsapp.device()
    assert (device.number, device.name) == (None, "Tidings")
    await device.show("2@first")
    await until(lambda: session.host.last.qr == "2@first")
    await device.show("2@second")
    await until(lambda: session.host.last.qr == "2@second")
    assert session.host.last.state == "pairing"
    assert session.host.kept is None, "there is nothing to keep before a phone is linked"
    await device.link(NUMBER)
    await until(lambda: session.host.last.state == "connected")
    assert session.host.last.address == f"+{NUMBER}"
    assert session.host.kept is not None, "a crash right after the scan does not ask for another"
    assert "2@" not in repr(session.host.states)


async def test_a_phone_is_linked_by_a_code_to_type(provider: WhatsAppLinked, whatsapp: LinkedWhatsApp, http: Http) -> None:
    async with Running(provider, http, channel_of(pair_phone="+254711000001")) as session:
        device = await whatsapp.device()
        await device.show("2@first")
        await until(lambda: session.host.last.pairing_code)
        assert (session.host.last.pairing_code, session.host.last.qr) == ("ABCD-1234", "")
        assert whatsapp.asked[0]["phone"] == "254711000001"
        await device.link(NUMBER)
        await until(lambda: session.host.last.state == "connected")


async def test_a_number_that_gets_no_code_asks_for_a_person(provider: WhatsAppLinked, whatsapp: LinkedWhatsApp, http: Http) -> None:
    whatsapp.trouble["pair_phone"] = "server returned 400"
    async with Running(provider, http, channel_of(pair_phone="+254711000001")) as session:
        await (await whatsapp.device()).show("2@first")
        with pytest.raises(ProviderError, match="gave no code") as trouble:
            await session.task
    assert trouble.value.code is ErrorCode.INVALID_CREDENTIALS
    assert session.host.last.state == "logged_out"


async def test_a_linked_phone_stays_linked_over_a_restart(session: Running, device: Device, whatsapp: LinkedWhatsApp, http: Http) -> None:
    await send(session)
    session.stop.set()
    await session.task
    async with Running(provider_of(whatsapp), http, channel_of(), kept=session.host.kept) as again:
        device = await whatsapp.device()
        assert (device.number, device.steps) == (NUMBER, 1), "the store is as it was at the end, keys and all"
        await device.connect()
        await until(lambda: again.host.last.state == "connected")
        assert isinstance((await send(again))[0], Accepted)


async def test_what_changes_is_kept_while_it_runs(session: Running, device: Device) -> None:
    before = session.host.kept
    await send(session)
    await until(lambda: session.host.kept != before, seconds=10)


async def test_the_store_lies_where_nobody_else_reads_and_goes_with_the_session(whatsapp: LinkedWhatsApp, http: Http) -> None:
    async with Running(provider_of(whatsapp), http, channel_of()) as session:
        device = await session.linked(whatsapp)
        assert device.path.stat().st_mode & 0o077 == 0
        assert device.path.parent.stat().st_mode & 0o077 == 0
        bridge = device.path.parent.parent
        assert bridge.stat().st_mode & 0o077 == 0
        session.stop.set()
        await session.task
        assert not bridge.exists()


# --- how a session ends -------------------------------------------------------------------------------------------------

ENDS = [
    (proto.LoggedOut(OnConnect=False, Reason=proto.LoggedOut.DESCRIPTOR.fields_by_name["Reason"].enum_type.values_by_name["LOGGED_OUT"].number),
     ErrorCode.INVALID_CREDENTIALS, "logged_out", "Link it again", None),
    (proto.StreamReplaced(), ErrorCode.PROVIDER_UNAVAILABLE, "connecting", "opened elsewhere", 60.0),
    (proto.TemporaryBan(Code=4, Expire=7200 * 10**9), ErrorCode.BLOCKED, "connecting", "sent_too_many_same_message", 7200.0),
    (proto.ClientOutdated(), ErrorCode.UNSUPPORTED, "connecting", "bring neonize up to date", 3600.0),
    (proto.ConnectFailure(Reason=4, Message="gone"), ErrorCode.INVALID_CREDENTIALS, "logged_out", "main_device_gone", None),
    (proto.ConnectFailure(Reason=3, Message="x"), ErrorCode.BLOCKED, "connecting", "locked", 3600.0),
    (proto.ConnectFailure(Reason=10, Message="later"), ErrorCode.PROVIDER_UNAVAILABLE, "connecting", "service_unavailable later", None),
]  # fmt: skip


@pytest.mark.parametrize(("event", "code", "state", "words", "pause"), ENDS, ids=[f"{type(one[0]).__name__}-{one[3]}" for one in ENDS])
async def test_whatsapp_ends_a_session(session: Running, device: Device, event, code, state, words, pause) -> None:
    await device.happen(event)
    with pytest.raises(ProviderError, match=words) as trouble:
        await session.task
    assert trouble.value.code is code
    assert session.host.last.state == state
    assert pause is None or trouble.value.retry_after == pytest.approx(pause)
    assert session.host.forgotten == (state == "logged_out")
    [outcome] = await send(session)
    assert (outcome.code, outcome.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)


async def test_a_broken_connection_is_waited_for(session: Running, device: Device) -> None:
    await device.happen(proto.Disconnected(status=True))
    await until(lambda: session.host.last.state == "connecting")
    [outcome] = await send(session)
    assert (type(outcome), outcome.code, outcome.retryable) == (SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True)
    with pytest.raises(ProviderError, match="not connected"):
        await session.provider.check(session.http, session.channel)
    await device.connect()
    await until(lambda: session.host.last.state == "connected")
    assert "linked" in await session.provider.check(session.http, session.channel)
    assert "installed" in await session.provider.check(session.http, channel_of("chn_elsewhere"))
    assert isinstance((await send(session))[0], Accepted)


async def test_cancelling_a_session_leaves_nothing_behind(session: Running, device: Device) -> None:
    session.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session.task
    await asyncio.wait_for(device.gone.wait(), 20)
    await until(lambda: not device.path.exists())


# --- out ----------------------------------------------------------------------------------------------------------------


async def test_a_text_goes_to_a_number_that_is_asked_for_once(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    outcomes = await send(session, outgoing(text="Habari @254700000000"), outgoing(text="Tena"))
    assert outcomes == [Accepted(provider_message_id="3EB0000001"), Accepted(provider_message_id="3EB0000002")]
    (to, first), (_, second) = whatsapp.sent
    assert to == "254711000000@s.whatsapp.net"
    assert (first.conversation, second.conversation) == ("Habari @254700000000", "Tena")
    assert [one["ask"] for one in whatsapp.asked] == ["is_on_whatsapp", "send", "send"]


async def test_somebody_without_a_number_is_written_to_by_id(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    assert isinstance((await send(session, outgoing(to="98765432109876@lid")))[0], Accepted)
    assert whatsapp.sent[0][0] == "98765432109876@lid"


async def test_an_answer_quotes_the_message_it_answers(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    await send(session, Outgoing(id="msg_1", to="+254711000009", text="Yes", reply_to="3EB0IN"))
    [(_, message)] = whatsapp.sent
    assert (message.extendedTextMessage.text, message.extendedTextMessage.contextInfo.stanzaID) == ("Yes", "3EB0IN")
    assert message.extendedTextMessage.contextInfo.participant == "254711000009@s.whatsapp.net"


@pytest.mark.parametrize(
    ("kind", "content_type", "field", "upload"),
    [
        ("image", "image/png", "imageMessage", "MediaImage"),
        ("video", "video/mp4", "videoMessage", "MediaVideo"),
        ("audio", "audio/ogg", "audioMessage", "MediaAudio"),
        ("document", "application/pdf", "documentMessage", "MediaDocument"),
        ("sticker", "image/webp", "stickerMessage", "MediaImage"),
    ],
)
async def test_files_go_out(session: Running, device: Device, whatsapp: LinkedWhatsApp, kind, content_type, field, upload) -> None:
    text = "" if kind in {"audio", "sticker"} else "Look"
    file = Media(kind=kind, content_type=content_type, file_name="list.x", content=PNG)
    [outcome] = await send(session, Outgoing(id="msg_1", to="+254711000009", text=text, media=file))
    assert isinstance(outcome, Accepted), outcome
    part = getattr(whatsapp.sent[0][1], field)
    assert (part.mimetype, part.fileLength, part.URL) == (content_type, len(PNG), "https://mmg.whatsapp.example/file")
    assert getattr(part, "caption", "") == text
    assert bool(getattr(part, "JPEGThumbnail", b"")) == (kind == "image")
    assert ("upload", upload) in [(one["ask"], one.get("kind")) for one in whatsapp.asked]


async def test_a_file_by_address_is_fetched_first(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    async def shop(call: Call) -> Reply:
        return Reply(200, PNG, "image/png") if call.path == "/list.png" else Reply(404)

    async with Server(shop) as server:
        good = Media(kind="image", content_type="image/png", url=f"{server.url}/list.png")
        bad = Media(kind="image", content_type="image/png", url=f"{server.url}/other.png")
        inside = Media(kind="image", content_type="image/png", url="http://169.254.169.254/latest")
        outcomes = await send(session, *(Outgoing(id="msg_1", to="+254711000009", text="", media=one) for one in (good, bad, inside)))
    assert isinstance(outcomes[0], Accepted)
    assert [(one.code, one.retryable) for one in outcomes[1:]] == [(ErrorCode.REJECTED_CONTENT, False)] * 2
    assert len(whatsapp.sent) == 1


@pytest.mark.parametrize(
    ("failure", "kind", "code", "retryable"),
    [
        ("websocket not connected", SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True),
        ("failed to send message node: websocket not connected", SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True),
        ("failed to get device list: info query timed out", SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True),
        ("no LID found for 254711000000 from server", SendFailed, ErrorCode.INVALID_ADDRESS, False),
        ("recipient must be a user JID with no device part", SendFailed, ErrorCode.INVALID_ADDRESS, False),
        ("server returned error 429", SendFailed, ErrorCode.RATE_LIMITED, True),
        ("server returned error 463", SendFailed, ErrorCode.UNREACHABLE, False),
        ("server returned error 479", SendFailed, ErrorCode.REJECTED_CONTENT, False),
        ("server returned error 503", SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True),
        ("timed out waiting for message send response", SendUncertain, ErrorCode.TIMEOUT, None),
        ("websocket disconnected before message send returned response", SendUncertain, ErrorCode.PROVIDER_UNAVAILABLE, None),
        ("failed to send message node: write tcp: broken pipe", SendUncertain, ErrorCode.PROVIDER_UNAVAILABLE, None),
        ("something that nobody has seen before", SendUncertain, ErrorCode.PROVIDER_UNAVAILABLE, None),
    ],
)
async def test_each_sentence_of_the_library_means_what_it_proves(session: Running, device: Device, whatsapp: LinkedWhatsApp, failure, kind, code, retryable) -> None:  # fmt: skip
    whatsapp.failures["254711000000"] = failure
    [outcome] = await send(session)
    assert (type(outcome), outcome.code, getattr(outcome, "retryable", None)) == (kind, code, retryable)


async def test_what_goes_wrong_before_the_message_leaves_is_a_failure(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    whatsapp.absent.add("+254711000000")
    [absent] = await send(session)
    assert (absent.code, absent.retryable) == (ErrorCode.UNREACHABLE, False)
    [odd] = await send(session, outgoing(to="KE.1349"))
    assert odd.code is ErrorCode.INVALID_ADDRESS
    whatsapp.trouble["is_on_whatsapp"] = "info query timed out"
    [unasked] = await send(session, outgoing(1))
    assert (unasked.code, unasked.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)
    whatsapp.trouble = {"upload": "failed to refresh media connections"}
    [unloaded] = await send(
        session, Outgoing(id="msg_1", to="+254711000009", text="", media=Media(kind="image", content_type="image/png", content=PNG))
    )
    assert (unloaded.code, unloaded.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)
    assert not whatsapp.sent


async def test_what_a_linked_device_cannot_carry_is_refused_whole(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    outcomes = await send(
        session,
        Outgoing(id="msg_1", to="+254711000009", text="Hi", buttons=[Button(label="Yes")]),
        Outgoing(id="msg_2", to="+254711000009", text="", template=TemplateUse(name="order", language="en")),
        Outgoing(id="msg_3", to="+254711000009", text="Hi", media=Media(kind="audio", content_type="audio/ogg", content=b"x")),
        Outgoing(id="msg_4", to="+254711000009", text=""),
    )
    assert {(type(one), one.code) for one in outcomes} == {(SendFailed, ErrorCode.UNSUPPORTED)}
    assert not whatsapp.sent


async def test_without_a_session_here_nothing_is_sent_and_it_may_be_tried_again(http: Http) -> None:
    async with LinkedWhatsApp() as whatsapp:
        [outcome] = await provider_of(whatsapp).send(http, channel_of(), [outgoing()])
    assert (outcome.code, outcome.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)
    assert "another worker, or not at all" in outcome.detail

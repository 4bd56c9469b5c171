"""What comes in over a linked phone: receipts, each kind of message, files."""

from __future__ import annotations

import pytest
from neonize.proto.waE2E import WAWebProtobufsE2E_pb2 as e2e

from tests.providers.channels import outgoing
from tests.providers.linked import PNG, Running, channel_of, until
from tests.simulators.whatsapp_linked import Device, LinkedWhatsApp, jid
from tidings.providers.base import (
    Accepted,
    Inbound,
    Outgoing,
    ProviderError,
    Receipt,
)
from tidings.providers.whatsapp_linked.frames import CREDIT

pytestmark = pytest.mark.asyncio(loop_scope="session")
FRIEND = jid("254711000009")


async def send(session: Running, *messages: Outgoing) -> list:
    return await session.provider.send(session.http, session.channel, list(messages or [outgoing()]))


async def test_receipts_come_in_and_our_own_devices_prove_nothing(session: Running, device: Device) -> None:
    await device.receipt(["3EB0000001"], 1)
    await device.receipt(["3EB0000001", "3EB0000002"], 4)
    await device.receipt(["3EB0000003"], 5)
    await device.receipt(["3EB0000004"], 1, from_me=True)
    await device.receipt(["3EB0000005"], 6)
    await until(lambda: len(session.host.callbacks) == 4)
    told = [(one.provider_message_id, one.status) for one in session.host.callbacks if isinstance(one, Receipt)]
    assert told == [("3EB0000001", "delivered"), ("3EB0000001", "read"), ("3EB0000002", "read"), ("3EB0000005", "read")]


MESSAGES = [
    (e2e.Message(conversation="Hello"), {"text": "Hello"}),
    (e2e.Message(ephemeralMessage=e2e.FutureProofMessage(message=e2e.Message(conversation="Gone soon"))), {"text": "Gone soon"}),
    (e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text="Yes", contextInfo=e2e.ContextInfo(stanzaID="3EB0000001"))),
     {"text": "Yes", "reply_to": "3EB0000001"}),
    (e2e.Message(locationMessage=e2e.LocationMessage(degreesLatitude=-1.29, degreesLongitude=36.82, name="Shop")), {"text": ""}),
    (e2e.Message(buttonsResponseMessage=e2e.ButtonsResponseMessage(selectedButtonID="yes", selectedDisplayText="Yes please")),
     {"text": "Yes please", "button": "yes"}),
    (e2e.Message(templateButtonReplyMessage=e2e.TemplateButtonReplyMessage(selectedID="no", selectedDisplayText="No")),
     {"text": "No", "button": "no"}),
    (e2e.Message(listResponseMessage=e2e.ListResponseMessage(title="Blue", singleSelectReply=e2e.ListResponseMessage.SingleSelectReply(selectedRowID="b"))),
     {"text": "Blue", "button": "b"}),
    (e2e.Message(imageMessage=e2e.ImageMessage(caption="This one", mimetype="image/jpeg", directPath="/i", mediaKey=b"k", fileLength=9)),
     {"text": "This one"}),
    (e2e.Message(documentWithCaptionMessage=e2e.FutureProofMessage(message=e2e.Message(documentMessage=e2e.DocumentMessage(
        caption="Receipt", mimetype="application/pdf; x=1", fileName="a.pdf")))), {"text": "Receipt"}),
    (e2e.Message(contactMessage=e2e.ContactMessage(displayName="Juma")), {"text": "Juma"}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), MESSAGES, ids=[one[0].ListFields()[0][0].name for one in MESSAGES])
async def test_each_kind_of_message_is_read(session: Running, device: Device, message, expected) -> None:
    await device.write_from(FRIEND, message)
    await until(lambda: session.host.callbacks)
    [inbound] = session.host.callbacks
    assert isinstance(inbound, Inbound)
    assert {name: getattr(inbound, name) for name in expected} == expected
    assert (inbound.sender, inbound.sender_name, inbound.provider_message_id) == ("+254711000009", "Asha", "3EB0IN")
    if message.HasField("locationMessage"):
        assert (inbound.location.latitude, inbound.location.name) == (-1.29, "Shop")
    if message.HasField("documentWithCaptionMessage"):
        assert [(one.kind, one.content_type, one.file_name) for one in inbound.media] == [("document", "application/pdf", "a.pdf")]


async def test_people_are_known_by_number_where_whatsapp_tells_it(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    hidden = jid("98765432109876", "lid")
    whatsapp.numbers["11111111111111"] = "254711000077"
    await device.write_from(hidden, e2e.Message(conversation="1"), message_id="1", SenderAlt=jid("254711000055"))
    await device.write_from(jid("11111111111111", "lid"), e2e.Message(conversation="2"), message_id="2")
    await device.write_from(hidden, e2e.Message(conversation="3"), message_id="3")
    await until(lambda: len(session.host.callbacks) == 3)
    assert [one.sender for one in session.host.callbacks] == ["+254711000055", "+254711000077", "98765432109876@lid"]


async def test_groups_and_what_the_shop_writes_on_its_phone_are_left_alone(session: Running, device: Device) -> None:
    await device.write_from(FRIEND, e2e.Message(conversation="to all"), group=True)
    await device.write_from(FRIEND, e2e.Message(conversation="from the phone"), from_me=True)
    await device.write_from(FRIEND, e2e.Message(reactionMessage=e2e.ReactionMessage(text="👍")))
    await device.write_from(FRIEND, e2e.Message(conversation="last"))
    await until(lambda: session.host.callbacks)
    assert [one.text for one in session.host.callbacks] == ["last"]


async def test_a_received_file_is_fetched_through_the_session(session: Running, device: Device, whatsapp: LinkedWhatsApp) -> None:
    whatsapp.files = PNG
    await device.write_from(
        FRIEND, e2e.Message(imageMessage=e2e.ImageMessage(mimetype="image/png", directPath="/i", mediaKey=b"k" * 32, fileLength=9))
    )
    await until(lambda: session.host.callbacks)
    media = session.host.callbacks[0].media[0]
    assert await session.provider.fetch_media(session.http, session.channel, media, max_bytes=1000) == PNG
    with pytest.raises(ProviderError, match="larger"):
        await session.provider.fetch_media(session.http, session.channel, media, max_bytes=5)
    with pytest.raises(ProviderError, match="cannot be fetched here"):
        await session.provider.fetch_media(session.http, channel_of("chn_2"), media, max_bytes=1000)


async def test_what_the_database_could_not_take_is_told_again_and_the_rest_waits(session: Running, device: Device) -> None:
    session.host.failing = 2
    for number in range(CREDIT * 3):
        await device.write_from(FRIEND, e2e.Message(conversation=str(number)), message_id=f"3EB{number}")
    await until(lambda: len(session.host.callbacks) == CREDIT * 3)
    assert [one.text for one in session.host.callbacks] == [str(number) for number in range(CREDIT * 3)]
    assert isinstance((await send(session))[0], Accepted)

"""What goes beside the text: judged by what the channel can, filled in for each recipient, handed to the provider."""

from __future__ import annotations

from tidings.core.ids import new_id
from tidings.delivery.content import ButtonPart, Content, MediaPart, TemplatePart, content_json, misfit, read_content, rendered
from tidings.delivery.contents import Frozen
from tidings.delivery.packing import pack
from tidings.delivery.queries import Claimed
from tidings.providers.base import Capabilities, ErrorCode, MediaRule

TEXT_ONLY = Capabilities(mediums=("sms",))
RICH = Capabilities(
    mediums=("whatsapp",), max_caption=10, media={"image": MediaRule(content_types=("image/jpeg",), max_bytes=1000)}, buttons=2,
    replies=True, subject=True, templates=True,
)  # fmt: skip
PICTURE = MediaPart(kind="image", content_type="image/jpeg", url="https://shop.example/a.jpg")
FULL = Content(
    media=PICTURE, buttons=(ButtonPart(label="Yes", value="yes-{{ name }}"),), subject="For {{ name }}", reply_to="wamid.1",
    template=TemplatePart(name="sale", language="en_US", body={"1": "{{ name }}"}, buttons=("{{ code }}",)),
)  # fmt: skip


def claimed(**more) -> Claimed:
    given = {"text": "Hi", "variables": None, **more}
    return Claimed(
        id=new_id(),
        source_id=new_id(),
        address="+254712345678",
        delivery="at_least_once",
        attempt=1,
        failures=0,
        claim_id=new_id(),
        **given,
    )


def test_each_thing_that_a_channel_cannot_carry_is_named():
    for content, word in (
        (Content(media=PICTURE), "image"), (Content(buttons=(ButtonPart(label="Yes"),)), "buttons"), (Content(subject="Hi"), "subject"),
        (Content(reply_to="1"), "answer"), (Content(template=TemplatePart(name="a", language="en")), "templates"),
    ):  # fmt: skip
        assert word in (misfit(content, "", TEXT_ONLY) or "")
        assert misfit(content, "", RICH) is None
    assert "image/jpeg" in (
        misfit(Content(media=MediaPart(kind="image", content_type="image/gif", url="https://a.example")), "", RICH) or ""
    )
    assert "10 characters" in (misfit(Content(media=PICTURE), "12345678901", RICH) or "")
    assert "at most 2" in (misfit(Content(buttons=(ButtonPart(label="a"),) * 3), "", RICH) or "")


def test_it_comes_back_from_the_ledger_as_it_went_in():
    assert read_content(content_json(FULL) or "") == FULL
    assert content_json(None) is None


def test_values_are_filled_in_everywhere_but_not_in_labels():
    made = rendered(FULL, lambda source: source.replace("{{ name }}", "Amina").replace("{{ code }}", "A7"))
    assert (made.subject, made.buttons[0].value, made.template.body, made.template.buttons) == (
        "For Amina",
        "yes-Amina",
        {"1": "Amina"},
        ("A7",),
    )


def test_the_provider_is_handed_all_of_it_with_a_campaigns_values():
    one = claimed(text=None, variables={"name": "Amina", "code": "A7"})
    packed = pack([one], {one.source_id: Frozen("", FULL)}, RICH, lambda _: 0.0, 1.0)
    (outgoing,) = packed.parcels[0].batch
    assert (outgoing.media.url, outgoing.subject, outgoing.reply_to, outgoing.buttons[0].value) == (
        PICTURE.url,
        "For Amina",
        "wamid.1",
        "yes-Amina",
    )
    assert (outgoing.template.name, outgoing.template.body, outgoing.text) == ("sale", {"1": "Amina"}, "")


def test_what_the_channel_can_carry_no_more_ends_as_unsupported():
    packed = pack([claimed(content=content_json(Content(media=PICTURE)))], {}, TEXT_ONLY, lambda _: 0.0, 1.0)
    ((_, settlement),) = packed.failed
    assert (settlement.status, settlement.code) == ("failed", ErrorCode.UNSUPPORTED)
    assert not packed.parcels


def test_the_text_takes_a_templates_place_where_the_channel_has_none():
    both = content_json(Content(template=FULL.template))
    packed = pack([claimed(text="In plain words", content=both)], {}, TEXT_ONLY, lambda _: 0.0, 1.0)
    (outgoing,) = packed.parcels[0].batch
    assert (outgoing.text, outgoing.template) == ("In plain words", None)
    assert len(pack([claimed(text=" ", content=both)], {}, TEXT_ONLY, lambda _: 0.0, 1.0).failed) == 1

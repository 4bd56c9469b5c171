"""E-mail: what the recipient gets, and the link to unsubscribe."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import HOOK, channel_of
from tests.simulators.mail import MailSimulator
from tidings.providers import provider
from tidings.providers.base import Accepted, Button, ErrorCode, HookRefused, HookRequest, Media, Outgoing, ProviderOptOut, SendFailed
from tidings.providers.email.compose import compose
from tidings.providers.email.errors import BY_CODE, ENHANCED, SIGN_IN, TOO_FAST, Stage, refused
from tidings.providers.http import Http

SETTINGS = channel_of("email").settings
ID = "msg_00000000000000000000000007"


def message(text: str = "Habari", to: str = "asha@example.com", **changes) -> Outgoing:
    return Outgoing(id=ID, to=to, text=text, **changes)


def read(one: Outgoing, **settings: str) -> EmailMessage:
    channel = channel_of("email", settings={**SETTINGS, **settings})
    mail = message_from_bytes(compose(channel, one).content, policy=policy.SMTP)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def text_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


# --- the mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_has_its_headers_and_a_known_id() -> None:
    mail = read(message(subject="Bei za Ijumaa – 50 % 🎉"), reply_to="info@shop.example")
    assert str(mail["From"]) == "Duka la Asha <duka@shop.example>"
    assert (str(mail["To"]), str(mail["Subject"]), str(mail["Reply-To"])) == (
        "asha@example.com",
        "Bei za Ijumaa – 50 % 🎉",
        "info@shop.example",
    )
    assert str(mail["Message-ID"]) == f"<{ID}@shop.example>"
    assert compose(channel_of("email"), message()).id == f"{ID}@shop.example"
    assert mail["Date"].datetime is not None


def test_the_usual_subject_stands_where_a_message_brings_none() -> None:
    assert str(read(message())["Subject"]) == "A message for you"


def test_text_comes_plain_and_as_simple_html() -> None:
    mail = read(message("Habari <b>Asha</b> & co,\nhttps://shop.example/a?x=1&y=2.\n\n.End"))
    assert text_of(mail, "plain") == "Habari <b>Asha</b> & co,\nhttps://shop.example/a?x=1&y=2.\n\n.End\n"
    html = text_of(mail, "html")
    assert '<p>Habari &lt;b&gt;Asha&lt;/b&gt; &amp; co,<br><a href="https://shop.example/a?x=1&amp;y=2">' in html
    assert "</a>.</p>" in html
    assert "<p>.End</p>" in html


def test_buttons_are_links_and_a_script_is_none() -> None:
    buttons = [
        Button(label="Duka <1>", kind="url", value="https://shop.example/?a&b"),
        Button(label="Bad", kind="url", value="javascript:alert(1)"),
    ]
    mail = read(message(buttons=buttons))
    assert "Duka <1>: https://shop.example/?a&b" in text_of(mail, "plain")
    assert '<a href="https://shop.example/?a&amp;b">Duka &lt;1&gt;</a>' in text_of(mail, "html")
    assert "javascript" not in text_of(mail, "html")


@pytest.mark.parametrize(
    ("media", "content_type", "name"),
    [
        (
            Media(kind="document", content_type="application/pdf", file_name="bei ya léo.pdf", content=b"%PDF"),
            "application/pdf",
            "bei ya léo.pdf",
        ),
        (Media(kind="image", content_type="image/png", content=b"%PDF"), "image/png", "image.png"),
        (Media(kind="document", content_type="text/csv", file_name="../../etc/x", content=b"%PDF"), "text/csv", ".._.._etc_x"),
        (
            Media(kind="document", content_type="message/rfc822", file_name="a\r\nBcc: b", content=b"%PDF"),
            "application/octet-stream",
            "a Bcc: b",
        ),
        (Media(kind="document", content_type="odd", file_name="a", content=b"%PDF"), "application/octet-stream", "a"),
    ],
)
def test_a_file_is_attached(media: Media, content_type: str, name: str) -> None:
    [file] = read(message(media=media)).iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == (content_type, name)
    assert file.get_payload(decode=True) == b"%PDF"


def test_a_file_that_lies_elsewhere_is_linked() -> None:
    assert "Image: https://shop.example/a.png" in text_of(
        read(message(media=Media(kind="image", content_type="image/png", url="https://shop.example/a.png"))), "plain"
    )


def test_an_answer_names_what_it_answers() -> None:
    mail = read(message(reply_to="abc@elsewhere.example"))
    assert (str(mail["In-Reply-To"]), str(mail["References"])) == ("<abc@elsewhere.example>",) * 2
    assert read(message(reply_to="a>\r\nBcc: b@c.example"))["In-Reply-To"] is None


@pytest.mark.parametrize("field", ["subject", "name"])
@given(text=st.text(max_size=60) | st.text(alphabet="\r\n :Bcc<>@a,;\x00\x85\u2028", max_size=40))
def test_no_text_makes_a_header_of_its_own(field: str, text: str) -> None:
    mail = read(message(subject=text)) if field == "subject" else read(message(), from_name=text)
    assert set(mail.keys()) == {
        "Message-ID", "Date", "List-Unsubscribe", "List-Unsubscribe-Post", "From", "To", "Subject", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert [one.addr_spec for one in mail["From"].addresses] == ["duka@shop.example"]
    assert text_of(mail, "plain") == "Habari\n"


@given(text=st.text(max_size=200))
def test_any_text_can_be_mailed(text: str) -> None:
    content = compose(channel_of("email"), message(text)).content
    assert all(len(line) <= 998 and line.isascii() for line in content.split(b"\r\n"))


@pytest.mark.parametrize(
    "address",
    [
        "a@b", "a b@c.example", "a,b@c.example", "<a@c.example>", "a@c.example>\r\nRCPT TO:<b@c.example", '"a b"@c.example', "a@-c.example",
        "a..b@c.example", "a@c..example", "@c.example", "a@", "a" * 65 + "@c.example", "a@[127.0.0.1]",
    ],
)  # fmt: skip
async def test_what_is_no_single_address_is_not_tried(http: Http, address: str) -> None:
    async with MailSimulator() as simulator:
        [outcome] = await provider("email").send(http, channel_of("email", simulator.smtp_url), [message(to=address)])
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, simulator.connections) == (ErrorCode.INVALID_ADDRESS, 0)


async def test_reply_buttons_and_a_bad_sender_are_told(http: Http) -> None:
    async with MailSimulator() as simulator:
        channel = channel_of("email", simulator.smtp_url)
        [buttons] = await provider("email").send(http, channel, [message(buttons=[Button(label="Yes")])])
        odd = channel_of("email", simulator.smtp_url, settings={**SETTINGS, "from_address": "a..b@shop.example"})
        [sender] = await provider("email").send(http, odd, [message()])
    assert [buttons.code, sender.code] == [ErrorCode.UNSUPPORTED, ErrorCode.INVALID_CREDENTIALS]


async def test_domains_and_names_beyond_ascii(http: Http) -> None:
    async with MailSimulator() as knowing, MailSimulator(international=False) as old:
        for simulator in (knowing, old):
            channel = channel_of("email", simulator.smtp_url)
            [domain] = await provider("email").send(http, channel, [message(to="asha@bücher.example")])
            assert isinstance(domain, Accepted)
            assert simulator.requests == {"asha@xn--bcher-kva.example": 1}
        [taken] = await provider("email").send(http, channel_of("email", knowing.smtp_url), [message(to="ášha@example.com")])
        [refused_] = await provider("email").send(http, channel_of("email", old.smtp_url), [message(to="ášha@example.com")])
    assert isinstance(taken, Accepted)
    assert (refused_.code, "SMTPUTF8" in refused_.detail) == (ErrorCode.UNSUPPORTED, True)


# --- the replies' meanings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("enhanced", "code"), ENHANCED.items())
@pytest.mark.parametrize("stage", [Stage.RECIPIENT, Stage.CONTENT])
def test_every_enhanced_code_is_told_in_our_words(enhanced: str, code: ErrorCode, stage: Stage) -> None:
    outcome = refused(stage, 550, f"{enhanced} No\nthank you")
    assert (outcome.code, outcome.retryable, outcome.provider_code) == (code, code is ErrorCode.RATE_LIMITED, enhanced)
    assert outcome.detail == f"SMTP 550 to {stage}: {enhanced} No thank you"


@pytest.mark.parametrize(("stage", "number", "code"), [(stage, *pair) for stage, codes in BY_CODE.items() for pair in codes.items()])
def test_every_reply_code_without_one_too(stage: Stage, number: int, code: ErrorCode) -> None:
    assert refused(stage, number, "No").code is code


@pytest.mark.parametrize("number", sorted(SIGN_IN))
def test_a_missing_sign_in_is_the_channels_at_every_stage(number: int) -> None:
    assert {refused(stage, number, "5.1.1 No").code for stage in Stage} == {ErrorCode.INVALID_CREDENTIALS}


@pytest.mark.parametrize("enhanced", sorted(TOO_FAST))
def test_too_fast_is_a_pause(enhanced: str) -> None:
    assert refused(Stage.RECIPIENT, 450, f"{enhanced} slow down").retry_after == 60.0
    assert refused(Stage.SIGN_IN, 454, f"{enhanced} try later").code is ErrorCode.PROVIDER_UNAVAILABLE


def test_what_is_refused_before_a_recipient_is_named_is_no_recipients_fault() -> None:
    assert refused(Stage.GREETING, 554, "5.7.1 listed").retryable
    assert refused(Stage.SENDER, 550, "5.7.1 not yours").code is ErrorCode.INVALID_CREDENTIALS


# --- unsubscribing ----------------------------------------------------------------------------------------------------------


def link(to: str = "asha@example.com", **changes) -> str:
    mail = message_from_bytes(compose(channel_of("email", **changes), message(to=to)).content, policy=policy.SMTP)
    return str(mail["List-Unsubscribe"] or "").strip("<>")


def follow(url: str, method: str = "POST", **changes):
    request = HookRequest(method=method, url=url, headers={}, body=b"List-Unsubscribe=One-Click")
    return provider("email").read_hook(channel_of("email", **changes), request)


@pytest.mark.parametrize("to", ["asha@example.com", "ášha@example.com", "a+b=c@example.com"])
def test_the_link_opts_out_the_one_it_was_sent_to(to: str) -> None:
    assert link(to).startswith(f"{HOOK}?a=")
    assert list(follow(link(to)).callbacks) == [ProviderOptOut(address=to)]


def test_looking_at_the_link_opts_nobody_out_but_offers_it() -> None:
    answer = follow(link(), method="GET")
    assert (list(answer.callbacks), answer.content_type) == ([], "text/html; charset=utf-8")
    assert b'<form method="post">' in answer.body


@pytest.mark.parametrize("changes", [{"hook_url": ""}, {"credentials": {"password": "x"}}])
def test_without_a_key_or_an_address_there_is_no_link(changes: dict) -> None:
    assert link(**changes) == ""


def test_nobody_can_opt_out_another() -> None:
    good = link()
    other = urlsplit(link("baraka@example.com")).query.partition("&")[0]
    for url in (
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        f"{HOOK}?{other}&{good.rpartition('&')[2]}",
        good + "x",
        f"{HOOK}?a=%FF&s=é",
    ):
        with pytest.raises(HookRefused):
            follow(url)
    with pytest.raises(HookRefused):
        follow(good, credentials={"password": "x"})

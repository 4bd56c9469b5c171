"""WhatsApp by Meta's Cloud API: what we ask, and what we make of its answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from msgspec import structs

from tests.providers.channels import channel_of, outgoing
from tests.simulators.whatsapp_cloud import ACCESS_TOKEN, PHONE_NUMBER_ID
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    Media,
    Outgoing,
    SendFailed,
    SendUncertain,
    TemplateUse,
)
from tidings.providers.http import Answer
from tidings.providers.whatsapp_cloud.provider import read_send, send_request

ASHA = "+254711000123"
NO_NUMBER = "KE.13491208655302741918"
PICTURE = Media(kind="image", content_type="image/jpeg", url="https://shop.example/a.jpg")
BILL = Media(kind="document", content_type="application/pdf", file_name="bill.pdf", content=b"%PDF-1.7")


def message(text: str = "Habari", to: str = ASHA, **parts: object) -> Outgoing:
    return structs.replace(outgoing(7, to, text), **parts)


# --- the request --------------------------------------------------------------------------------------------------------------


def test_where_and_how_a_message_is_posted() -> None:
    request = send_request(channel_of("whatsapp_cloud"), message())
    assert (request.method, request.url) == ("POST", f"https://graph.facebook.com/v25.0/{PHONE_NUMBER_ID}/messages")
    assert request.headers == {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    assert request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ASHA,
        "type": "text",
        "text": {"body": "Habari", "preview_url": False},
        "biz_opaque_callback_data": "msg_00000000000000000000000007",
    }


def test_another_graph_version() -> None:
    channel = channel_of("whatsapp_cloud", settings={"phone_number_id": "5", "graph_version": "v31.0"})
    assert send_request(channel, message()).url == "https://graph.facebook.com/v31.0/5/messages"


REPLIES = (Button(label="Yes", value="y"), Button(label="No"))
OPEN = (Button(label="Open", kind="url", value="https://shop.example"),)


@pytest.mark.parametrize(
    ("parts", "kind", "content"),
    [
        ({"text": "See https://shop.example"}, "text", {"body": "See https://shop.example", "preview_url": True}),
        ({"text": "A", "media": PICTURE}, "image", {"link": "https://shop.example/a.jpg", "caption": "A"}),
        ({"text": "", "media": PICTURE}, "image", {"link": "https://shop.example/a.jpg"}),
        (
            {"text": "", "media": replace(PICTURE, kind="document", file_name="a.pdf")},
            "document",
            {"link": "https://shop.example/a.jpg", "filename": "a.pdf"},
        ),
        ({"text": "", "media": replace(PICTURE, kind="audio")}, "audio", {"link": "https://shop.example/a.jpg"}),
        (
            {"text": "Ready?", "buttons": REPLIES},
            "interactive",
            {
                "type": "button",
                "body": {"text": "Ready?"},
                "action": {
                    "buttons": [
                        {"type": "reply", "reply": {"id": "y", "title": "Yes"}},
                        {"type": "reply", "reply": {"id": "No", "title": "No"}},
                    ]
                },
            },
        ),
        (
            {"text": "Look", "buttons": OPEN, "media": PICTURE},
            "interactive",
            {
                "type": "cta_url",
                "header": {"type": "image", "image": {"link": "https://shop.example/a.jpg"}},
                "body": {"text": "Look"},
                "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://shop.example"}},
            },
        ),
        (
            {"text": "", "template": TemplateUse(name="hello_world", language="en_US")},
            "template",
            {"name": "hello_world", "language": {"code": "en_US"}},
        ),
        (
            {
                "text": "",
                "template": TemplateUse(
                    name="order_ready",
                    language="en",
                    header_text="7",
                    body={"2": "7", "10": "x", "1": "Asha"},
                    buttons=("coming", "7"),
                    button_kinds=("reply", "url"),
                ),
            },
            "template",
            {
                "name": "order_ready",
                "language": {"code": "en"},
                "components": [
                    {"type": "header", "parameters": [{"type": "text", "text": "7"}]},
                    {
                        "type": "body",
                        "parameters": [{"type": "text", "text": "Asha"}, {"type": "text", "text": "7"}, {"type": "text", "text": "x"}],
                    },
                    {"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{"type": "payload", "payload": "coming"}]},
                    {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "7"}]},
                ],
            },
        ),
        (
            {
                "text": "",
                "template": TemplateUse(
                    name="season",
                    language="fr",
                    header_media=PICTURE,
                    body={"first_name": "Asha"},
                    buttons=("", "MAI20"),
                    button_kinds=("url", "code"),
                ),
            },
            "template",
            {
                "name": "season",
                "language": {"code": "fr"},
                "components": [
                    {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://shop.example/a.jpg"}}]},
                    {"type": "body", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Asha"}]},
                    {
                        "type": "button",
                        "sub_type": "copy_code",
                        "index": "1",
                        "parameters": [{"type": "coupon_code", "coupon_code": "MAI20"}],
                    },
                ],
            },
        ),
    ],
)
def test_each_kind_of_message(parts: dict, kind: str, content: dict) -> None:
    body = send_request(channel_of("whatsapp_cloud"), message(**parts)).json
    assert (body["type"], body[kind]) == (kind, content)


def test_somebody_without_a_number_is_addressed_by_user_id() -> None:
    body = send_request(channel_of("whatsapp_cloud"), message(to=NO_NUMBER, reply_to="wamid.1")).json
    assert "to" not in body
    assert (body["recipient"], body["context"]) == (NO_NUMBER, {"message_id": "wamid.1"})


# --- the answer ---------------------------------------------------------------------------------------------------------------


def problem(code: int, **more: object) -> bytes:
    error = {"message": f"(#{code}) No", "type": "OAuthException", "code": code, "error_data": {"details": "Because."}, "fbtrace_id": "A"}
    return json.dumps({"error": {**error, **more}}).encode()


@pytest.mark.parametrize("status", ["accepted", "held_for_quality_assessment", None])
def test_a_message_taken(status: str | None) -> None:
    body = {"messaging_product": "whatsapp", "contacts": [{"input": ASHA, "wa_id": "1"}], "messages": [{"id": "wamid.1"}]}
    if status:
        body["messages"] = [{"id": "wamid.1", "message_status": status}]
    assert read_send(Answer(status=200, body=json.dumps(body).encode())) == [Accepted(provider_message_id="wamid.1")]


@pytest.mark.parametrize(
    ("http_status", "code", "expected", "pause"),
    [
        (401, 0, "invalid_credentials", None),
        (500, 3, "invalid_credentials", None),
        (403, 10, "invalid_credentials", None),
        (400, 33, "invalid_credentials", None),
        (401, 190, "invalid_credentials", None),
        (400, 200, "invalid_credentials", None),
        (500, 299, "invalid_credentials", None),
        (403, 368, "invalid_credentials", None),
        (403, 131005, "invalid_credentials", None),
        (403, 131031, "invalid_credentials", None),
        (400, 131037, "invalid_credentials", None),
        (500, 131045, "invalid_credentials", None),
        (400, 133010, "invalid_credentials", None),
        (400, 131042, "insufficient_balance", None),
        (400, 131044, "insufficient_balance", None),
        (400, 131021, "invalid_address", None),
        (400, 131026, "unreachable", None),
        (400, 137000, "unreachable", None),
        (400, 131030, "unsupported", None),
        (403, 130497, "unsupported", None),
        (400, 131051, "unsupported", None),
        (400, 131062, "unsupported", None),
        (400, 131063, "unsupported", None),
        (400, 131050, "opted_out", None),
        (400, 130472, "blocked", None),
        (400, 131049, "blocked", None),
        (400, 131047, "template_required", None),
        (400, 100, "rejected_content", None),
        (400, 131008, "rejected_content", None),
        (400, 131009, "rejected_content", None),
        (400, 131052, "rejected_content", None),
        (400, 131053, "rejected_content", None),
        (400, 132000, "rejected_content", None),
        (404, 132001, "rejected_content", None),
        (400, 132005, "rejected_content", None),
        (400, 132007, "rejected_content", None),
        (400, 132008, "rejected_content", None),
        (400, 132012, "rejected_content", None),
        (400, 132015, "rejected_content", None),
        (400, 132016, "rejected_content", None),
        (400, 132068, "rejected_content", None),
        (400, 132069, "rejected_content", None),
        (400, 135000, "rejected_content", None),
        (400, 4, "rate_limited", 60.0),
        (400, 80007, "rate_limited", 60.0),
        (400, 130429, "rate_limited", 5.0),
        (429, 130429, "rate_limited", 5.0),
        (400, 131048, "rate_limited", 3600.0),
        (400, 131056, "rate_limited", 60.0),
        (400, 131064, "rate_limited", 3600.0),
        (400, 133016, "rate_limited", 3600.0),
        (400, 2, "provider_unavailable", None),
        (400, 131000, "provider_unavailable", None),
        (400, 131016, "provider_unavailable", None),
        (500, 131057, "provider_unavailable", None),
        (503, 133004, "provider_unavailable", None),
        (400, 99999, "internal", None),
        (401, 99999, "invalid_credentials", None),
        (429, 99999, "rate_limited", 5.0),
    ],
)
def test_a_refusal_by_code(http_status: int, code: int, expected: str, pause: float | None) -> None:
    [outcome] = read_send(Answer(status=http_status, body=problem(code)))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retry_after, outcome.provider_code) == (expected, pause, str(code))
    assert outcome.retryable == (expected in {"rate_limited", "provider_unavailable"})
    assert outcome.pauses == ("recipient" if code == 131056 else "channel")
    assert outcome.detail == f"WhatsApp error {code}: (#{code}) No – Because."


def test_a_number_id_that_is_not_ours_stops_the_channel() -> None:
    [outcome] = read_send(Answer(status=400, body=problem(100, error_subcode=33)))
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.INVALID_CREDENTIALS


def test_a_passing_error_that_nobody_documents_may_be_tried_again() -> None:
    [outcome] = read_send(Answer(status=400, body=problem(99999, is_transient=True)))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.PROVIDER_UNAVAILABLE, True)


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", problem(1), problem(2), problem(131000), problem(131016, is_transient=True), problem(99999)]
)
def test_a_5xx_without_a_definite_code_is_a_doubt(status: int, body: bytes) -> None:
    assert isinstance(read_send(Answer(status=status, body=body))[0], SendUncertain)


@pytest.mark.parametrize("body", [b"{}", b'{"messages": []}', b'{"messages": [{"id": ""}]}'])
def test_an_answer_that_names_no_message_is_a_doubt(body: bytes) -> None:
    assert isinstance(read_send(Answer(status=200, body=body))[0], SendUncertain)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"x-business-use-case-usage": '{"1": [{"type": "whatsapp", "estimated_time_to_regain_access": 19}]}'}, 1140.0),
        ({"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 0}]}'}, 60.0),
        ({"x-business-use-case-usage": "[1]"}, 60.0),
        ({"x-business-use-case-usage": "{}"}, 60.0),
    ],
)
def test_the_pause_is_the_one_meta_names_in_its_headers(headers: dict[str, str], pause: float) -> None:
    [outcome] = read_send(Answer(status=400, headers=headers, body=problem(80007)))
    assert isinstance(outcome, SendFailed)
    assert outcome.retry_after == pause

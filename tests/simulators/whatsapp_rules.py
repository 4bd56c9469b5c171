"""What the Cloud API refuses in a message, as Meta's public reference describes it: the number of its error and a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Refusal = tuple[int, str]
_TOP = {
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "type",
    "context",
    "biz_opaque_callback_data",
    "recipient_identity_key_hash",
}
_MEDIA = {"image": {"caption"}, "video": {"caption"}, "document": {"caption", "filename"}, "audio": {"voice"}, "sticker": set()}
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
MEDIA_TYPES = {
    "image/jpeg": 5,
    "image/png": 5,
    "video/mp4": 16,
    "video/3gpp": 16,
    "audio/aac": 16,
    "audio/amr": 16,
    "audio/mpeg": 16,
    "audio/mp4": 16,
    "audio/ogg": 16,
    "application/pdf": 100,
    "text/plain": 100,
    "image/webp": 0.5,
}
"""Megabytes by content type."""
TEMPLATES: list[dict[str, Any]] = [
    {
        "name": "hello_world",
        "language": "en_US",
        "status": "APPROVED",
        "category": "UTILITY",
        "id": "1",
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": "Welcome to the shop."}],
    },
    {
        "name": "order_ready",
        "language": "en",
        "status": "APPROVED",
        "category": "UTILITY",
        "id": "2",
        "parameter_format": "POSITIONAL",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": {"header_text": ["7"]}},
            {"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready.", "example": {"body_text": [["Asha", "7"]]}},
            {"type": "FOOTER", "text": "The shop"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "On my way"},
                    {"type": "URL", "text": "Track", "url": "https://shop.example/o/{{1}}", "example": ["https://shop.example/o/7"]},
                ],
            },
        ],
    },
    {
        "name": "season",
        "language": "fr",
        "status": "APPROVED",
        "category": "MARKETING",
        "id": "3",
        "parameter_format": "NAMED",
        "components": [
            {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://scontent.whatsapp.net/a.jpg"]}},
            {
                "type": "BODY",
                "text": "Bonjour {{first_name}}, profitez de {{discount}} %.",
                "example": {
                    "body_text_named_params": [{"param_name": "first_name", "example": "Asha"}, {"param_name": "discount", "example": "20"}]
                },
            },
            {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copier", "example": ["MAI20"]}]},
        ],
    },
    {
        "name": "tired",
        "language": "en",
        "status": "PAUSED",
        "category": "MARKETING",
        "id": "4",
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": "Hi"}],
    },
]


def refusal(body: Mapping[str, Any], media: Mapping[str, Any], templates: list[dict[str, Any]]) -> Refusal | None:
    """The first reason to refuse this message, the window aside."""
    kind = body.get("type", "text")
    extra = set(body) - _TOP - {kind}
    reasons: list[tuple[bool, int, str]] = [
        (body.get("messaging_product") != "whatsapp", 100, "(#100) The parameter messaging_product is required."),
        (bool(extra), 100, f"(#100) Unexpected key {sorted(extra)}"),
        (body.get("recipient_type", "individual") != "individual", 100, "(#100) Param recipient_type must be one of {INDIVIDUAL}"),
        (not (body.get("to") or body.get("recipient")), 131008, "(#131008) Required parameter is missing: to or recipient"),
        (
            bool(body.get("to")) and not re.fullmatch(r"\+?[1-9]\d{6,14}", str(body.get("to")), re.ASCII),
            131009,
            "(#131009) Parameter value is not valid: to",
        ),
        (
            not body.get("to") and not re.fullmatch(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", str(body.get("recipient")), re.ASCII),
            131009,
            "(#131009) Parameter value is not valid: recipient",
        ),
        (len(str(body.get("biz_opaque_callback_data", ""))) > 512, 100, "(#100) biz_opaque_callback_data is too long"),
        ("context" in body and not isinstance(body["context"].get("message_id"), str), 100, "(#100) Param context['message_id']"),
        (not isinstance(body.get(kind), dict), 131008, f"(#131008) Required parameter is missing: {kind}"),
    ]
    found = next(((number, words) for holds, number, words in reasons if holds), None)
    return found or _of_kind(kind, body[kind], media, templates)


def _of_kind(kind: str, content: Mapping[str, Any], media: Mapping[str, Any], templates: list[dict[str, Any]]) -> Refusal | None:
    match kind:
        case "text":
            return _length("text['body']", content.get("body"), 4096)
        case "interactive":
            return _interactive(content, media)
        case "template":
            return _template(content, media, templates)
        case _ if kind in _MEDIA:
            return _file(kind, content, media, _MEDIA[kind])
        case _:
            return 131051, "(#131051) Unsupported message type"


def _length(name: str, value: object, most: int) -> Refusal | None:
    if not isinstance(value, str) or not value:
        return 131008, f"(#131008) Required parameter is missing: {name}"
    return (100, f"(#100) Param {name} must be at most {most} characters long.") if len(value) > most else None


def _file(kind: str, content: Mapping[str, Any], media: Mapping[str, Any], extras: set[str]) -> Refusal | None:
    if set(content) - extras - {"id", "link"}:
        return 100, f"(#100) Unexpected key on {kind}: {sorted(set(content) - extras - {'id', 'link'})}"
    if ("id" in content) == ("link" in content):
        return 100, f"(#100) One of id and link is required for {kind}"
    if "link" in content and not re.match(r"https?://[^/]+", content["link"]):
        return 100, "(#100) link is not a valid URI"
    if "id" in content and content["id"] not in media:
        return 131009, f"(#131009) Parameter value is not valid: {kind}['id'] is not a media id"
    return _length("caption", content["caption"], 1024) if "caption" in content else None


def _interactive(content: Mapping[str, Any], media: Mapping[str, Any]) -> Refusal | None:
    wrong = _length("interactive['body']['text']", content.get("body", {}).get("text"), 1024)
    header = content.get("header")
    if header is not None:
        kind = header.get("type")
        wrong = wrong or (
            _file(kind, header.get(kind, {}), media, {"filename"}) if kind in {"image", "video", "document"} else (100, "header")
        )
    action = content.get("action", {})
    match content.get("type"):
        case "button":
            return wrong or _replies(action.get("buttons", []))
        case "cta_url":
            parameters = action.get("parameters", {})
            if action.get("name") != "cta_url" or not re.match(r"https?://[^/]+", parameters.get("url", "")):
                return 131009, "(#131009) Parameter value is not valid: action"
            return wrong or _length("display_text", parameters.get("display_text"), 20)
        case other:
            return 131009, f"(#131009) Parameter value is not valid: interactive type {other}"


def _replies(buttons: list[dict[str, Any]]) -> Refusal | None:
    replies = [each["reply"] for each in buttons if each.get("type") == "reply"]
    if not 1 <= len(buttons) <= 3 or len(replies) != len(buttons):
        return 131009, "(#131009) Parameter value is not valid: 1 to 3 reply buttons"
    if len({each["id"] for each in replies}) != len(replies) or len({each["title"] for each in replies}) != len(replies):
        return 131009, "(#131009) Parameter value is not valid: buttons must differ"
    for each in replies:
        if wrong := _length("title", each["title"], 20) or _length("id", each["id"], 256):
            return wrong
    return None


def _template(content: Mapping[str, Any], media: Mapping[str, Any], templates: list[dict[str, Any]]) -> Refusal | None:
    name, language = content.get("name"), content.get("language", {}).get("code")
    listed = next((each for each in templates if (each["name"], each["language"]) == (name, language)), None)
    if listed is None or listed["status"] not in {"APPROVED", "PAUSED"}:
        return 132001, f"(#132001) Template name does not exist in the translation: {name} in {language}"
    if listed["status"] == "PAUSED":
        return 132015, "(#132015) Template is paused"
    parts = {each["type"]: each for each in listed["components"]}
    given = {each["type"].upper(): each for each in content.get("components", []) if each["type"].lower() != "button"}
    if set(given) - set(parts):
        return 132012, f"(#132012) The template has no {sorted(set(given) - set(parts))}"
    return (
        _header(parts.get("HEADER"), given.get("HEADER"), media)
        or _texts(parts.get("BODY", {}).get("text", ""), given.get("BODY"), listed.get("parameter_format") == "NAMED")
        or _buttons(
            parts.get("BUTTONS", {}).get("buttons", []),
            [each for each in content.get("components", []) if each["type"].lower() == "button"],
        )
    )


def _header(listed: Mapping[str, Any] | None, given: Mapping[str, Any] | None, media: Mapping[str, Any]) -> Refusal | None:
    if listed is None or listed["format"] == "TEXT":
        return _texts((listed or {}).get("text", ""), given, named=False)
    kind = listed["format"].lower()
    parameters = (given or {}).get("parameters", [])
    if len(parameters) != 1 or parameters[0].get("type") != kind:
        return 132012, f"(#132012) Parameter format does not match: header is {kind}"
    return _file(kind, parameters[0].get(kind, {}), media, {"filename"})


def _texts(text: str, given: Mapping[str, Any] | None, named: bool) -> Refusal | None:
    wanted = list(dict.fromkeys(_VARIABLE.findall(text)))
    parameters = (given or {}).get("parameters", [])
    if len(wanted) != len(parameters):
        return 132000, f"(#132000) Number of parameters does not match: {len(parameters)} instead of {len(wanted)}"
    if any(each.get("type") != "text" or not each.get("text") for each in parameters):
        return 132012, "(#132012) Parameter format does not match"
    if named and {each.get("parameter_name") for each in parameters} != set(wanted):
        return 132012, "(#132012) Parameter format does not match: names"
    return None


def _buttons(listed: list[dict[str, Any]], given: list[dict[str, Any]]) -> Refusal | None:
    by_index = {str(each["index"]): each for each in given}
    if set(by_index) - {str(index) for index in range(len(listed))}:
        return 132012, "(#132012) There is no button of this index"
    for index, button in enumerate(listed):
        use = by_index.get(str(index))
        needed = button["type"] == "COPY_CODE" or bool(_VARIABLE.search(button.get("url", "")))
        if use is None:
            if needed:
                return 131008, f"(#131008) Required parameter is missing: buttons: Button at index {index} requires a parameter"
            continue
        fits = {"QUICK_REPLY": ("quick_reply", "payload"), "URL": ("url", "text"), "COPY_CODE": ("copy_code", "coupon_code")}[
            button["type"]
        ]
        parameter = use["parameters"][0]
        if use["sub_type"].lower() != fits[0] or parameter["type"] != fits[1] or not parameter.get(fits[1]):
            return 132012, f"(#132012) Parameter format does not match: button at index {index}"
    return None

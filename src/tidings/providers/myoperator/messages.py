"""A message as MyOperator takes it.

Specs: support.myoperator.co, “How do I send text, image and template messages with the WhatsApp Business API”; MyOperator's Postman
collection “MyOperator API Document”.
"""

from __future__ import annotations

import re
from typing import Any

import phonenumbers

from tidings.providers.base import ErrorCode, Outgoing, SendFailed, TemplateUse


def unsupported(message: Outgoing) -> SendFailed | None:
    """Why MyOperator has no form for this message, where it documents none. Nothing of a message is left out in silence."""
    if not message.to.startswith("+"):
        return SendFailed(
            code=ErrorCode.UNSUPPORTED, detail="MyOperator writes to phone numbers only, and this person shows WhatsApp no number."
        )
    reason = _lacks(message)
    return SendFailed(code=ErrorCode.UNSUPPORTED, detail=reason) if reason else None


def body_of(message: Outgoing, phone_number_id: str, waba_id: str) -> dict[str, Any]:
    """The request's JSON. MyOperator wants the country code apart from the national number."""
    number = phonenumbers.parse(message.to)
    body: dict[str, Any] = {
        "phone_number_id": phone_number_id,
        "customer_country_code": str(number.country_code),
        "customer_number": phonenumbers.national_significant_number(number),
        "data": _data(message),
        "reply_to": message.reply_to,
        "myop_ref_id": message.id,
    }
    return body | ({"waba_id": waba_id} if waba_id else {})


def _lacks(message: Outgoing) -> str:
    template = message.template
    if template and template.header_text is not None:
        return "MyOperator documents no parameter for the text in a template's header."
    media = template.header_media if template else message.media
    if media and media.content is not None:
        return "MyOperator takes files by their address only."
    if not template and media and media.kind != "image":
        return f"MyOperator documents images only, no {media.kind} files."
    if not template and message.buttons:
        return "MyOperator has buttons in templates only."
    return ""


def _data(message: Outgoing) -> dict[str, Any]:
    if message.template:
        return {"type": "template", "context": _template(message.template)}
    if media := message.media:
        name = media.file_name or media.url.rsplit("/", maxsplit=1)[-1].partition("?")[0]
        return {"type": "image", "link": media.url, "filename": name, "caption": message.text, "mime_type": media.content_type}
    preview = bool(re.search(r"https?://", message.text))
    return {"type": "text", "context": {"body": message.text, "preview_url": preview}}


def _template(template: TemplateUse) -> dict[str, Any]:
    context: dict[str, Any] = {"template_name": template.name, "language": template.language, "body": dict(template.body)}
    if template.header_media:
        context["header"] = {"media_url": template.header_media.url}
    if any(template.buttons):
        context["buttons"] = [{"index": index, "id": value} for index, value in enumerate(template.buttons) if value]
    return context

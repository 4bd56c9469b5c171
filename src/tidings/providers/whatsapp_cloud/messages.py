"""A message as the Cloud API takes it. Specs: developers.facebook.com, WhatsApp Cloud API reference, messages."""

from __future__ import annotations

import re
from typing import Any

from tidings.providers.base import Button, ErrorCode, Media, Outgoing, SendFailed, TemplateUse

_WITHOUT_CAPTION = frozenset({"audio", "sticker"})
_HEADER_KINDS = frozenset({"image", "video", "document"})
_BUTTON_TYPES = {"reply": "quick_reply", "url": "url", "code": "copy_code"}


def unsupported(message: Outgoing) -> SendFailed | None:
    """Why WhatsApp has no form for this message, where it has none. Nothing of a message is left out in silence."""
    reason = _template_lacks(message.template) if message.template else _message_lacks(message)
    return SendFailed(code=ErrorCode.UNSUPPORTED, detail=reason) if reason else None


def body_of(message: Outgoing, media_id: str | None = None) -> dict[str, Any]:
    """The request's JSON. `media_id` is the uploaded file's, where the message brings one itself."""
    kind, content = _content(message, media_id)
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        # A number goes to `to`, a business-scoped user id to `recipient`: of both, `to` would win.
        "to" if message.to.startswith("+") else "recipient": message.to,
        "type": kind,
        kind: content,
        "biz_opaque_callback_data": message.id,  # comes back with every status, even before this request is answered
    }
    if message.reply_to:
        body["context"] = {"message_id": message.reply_to}
    return body


def upload_of(message: Outgoing) -> Media | None:
    """The file that has to be uploaded first."""
    media = message.template.header_media if message.template else message.media
    return media if media is not None and media.content is not None else None


def _message_lacks(message: Outgoing) -> str:
    media, buttons = message.media, message.buttons
    if media and media.kind in _WITHOUT_CAPTION and (message.text or buttons):
        return f"WhatsApp sends {media.kind} files without a caption and without buttons."
    if buttons and not message.text:
        return "WhatsApp needs a text above the buttons."
    if any(button.kind == "url" for button in buttons) and len(buttons) > 1:
        return "WhatsApp puts one link button below a message, or reply buttons, but not both."
    return ""


def _template_lacks(template: TemplateUse) -> str:
    if template.header_media and template.header_media.kind not in _HEADER_KINDS:
        return "A template's header is an image, a video or a document."
    kinds = template.button_kinds[: len(template.buttons)]
    if any(kind == "other" and value for kind, value in zip(kinds, template.buttons, strict=False)):
        return "A template's button of this kind takes no parameter."
    return ""


def _content(message: Outgoing, media_id: str | None) -> tuple[str, dict[str, Any]]:
    if message.template:
        return "template", _template(message.template, media_id)
    if message.buttons:
        return "interactive", _interactive(message, media_id)
    if message.media:
        caption = {"caption": message.text} if message.text else {}
        return message.media.kind, _file(message.media, media_id) | caption
    # A preview is made of the first address only, and only of one with a scheme.
    return "text", {"body": message.text, "preview_url": bool(re.search(r"https?://", message.text))}


def _file(media: Media, media_id: str | None) -> dict[str, Any]:
    place = {"id": media_id} if media_id else {"link": media.url}
    return place | ({"filename": media.file_name} if media.kind == "document" and media.file_name else {})


def _interactive(message: Outgoing, media_id: str | None) -> dict[str, Any]:
    interactive = _pressable(message.buttons[0]) if message.buttons[0].kind == "url" else _replies(message)
    interactive["body"] = {"text": message.text}
    if message.media:
        interactive["header"] = {"type": message.media.kind, message.media.kind: _file(message.media, media_id)}
    return interactive


def _pressable(button: Button) -> dict[str, Any]:
    return {"type": "cta_url", "action": {"name": "cta_url", "parameters": {"display_text": button.label, "url": button.value}}}


def _replies(message: Outgoing) -> dict[str, Any]:
    buttons = [{"type": "reply", "reply": {"id": each.value or each.label, "title": each.label}} for each in message.buttons]
    return {"type": "button", "action": {"buttons": buttons}}


def _template(template: TemplateUse, media_id: str | None) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    if template.header_media:
        kind = template.header_media.kind
        components.append({"type": "header", "parameters": [{"type": kind, kind: _file(template.header_media, media_id)}]})
    elif template.header_text is not None:
        components.append({"type": "header", "parameters": [{"type": "text", "text": template.header_text}]})
    if template.body:
        components.append({"type": "body", "parameters": _parameters(template)})
    for index, value in enumerate(template.buttons):
        if value:
            components.append(_button(index, value, template))
    return {"name": template.name, "language": {"code": template.language}} | ({"components": components} if components else {})


def _parameters(template: TemplateUse) -> list[dict[str, str]]:
    if all(name.isdecimal() for name in template.body):
        return [{"type": "text", "text": text} for _, text in sorted(template.body.items(), key=lambda item: int(item[0]))]
    return [{"type": "text", "parameter_name": name, "text": text} for name, text in template.body.items()]


def _button(index: int, value: str, template: TemplateUse) -> dict[str, Any]:
    kind = template.button_kinds[index] if index < len(template.button_kinds) else "url"
    parameter = {
        "reply": {"type": "payload", "payload": value},
        "code": {"type": "coupon_code", "coupon_code": value},
    }.get(kind, {"type": "text", "text": value})
    return {"type": "button", "sub_type": _BUTTON_TYPES.get(kind, "url"), "index": str(index), "parameters": [parameter]}

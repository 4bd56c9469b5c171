"""Approved templates as the platform lists them. Specs: developers.facebook.com, WhatsApp Business Management API, message templates."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from tidings.providers.base import ProviderTemplate, TemplateButtonKind

_PARAMETER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_STATUSES: dict[str, Literal["approved", "pending", "rejected", "paused", "disabled"]] = {
    "APPROVED": "approved",
    "PENDING": "pending",
    "IN_APPEAL": "pending",
    "REJECTED": "rejected",
    "PAUSED": "paused",
    "FLAGGED": "approved",  # about to be paused, and taken until then
}
_HEADERS: dict[str, Literal["text", "image", "video", "document"]] = {
    "TEXT": "text",
    "IMAGE": "image",
    "VIDEO": "video",
    "DOCUMENT": "document",
}
_BUTTONS: dict[str, TemplateButtonKind] = {"QUICK_REPLY": "reply", "URL": "url", "COPY_CODE": "code", "OTP": "url"}


class Button(msgspec.Struct):
    """One button of a template."""

    type: str = ""
    text: str = ""


class Component(msgspec.Struct):
    """A part of a template: its header, body, footer or buttons."""

    type: str = ""
    format: str | None = None
    text: str | None = None
    buttons: list[Button] | None = None


class Listed(msgspec.Struct):
    """A template as it is listed. Who passes the list on may name the status after the account (`waba_template_status`)."""

    name: str
    language: str = ""
    status: str | None = None
    waba_template_status: str | None = None
    category: str | None = None
    components: list[Component] | None = None


def template_of(listed: Listed) -> ProviderTemplate:
    """A listed template in our words. A status nobody documents counts as disabled: it is certainly not known to be approved."""
    parts = {component.type.upper(): component for component in listed.components or []}
    body, header = parts.get("BODY", Component()).text or "", parts.get("HEADER", Component()).format or ""
    buttons = parts.get("BUTTONS", Component()).buttons or []
    return ProviderTemplate(
        name=listed.name,
        language=listed.language,
        status=_STATUSES.get((listed.status or listed.waba_template_status or "").upper(), "disabled"),
        category=(listed.category or "").lower(),
        text=body,
        parameters=tuple(dict.fromkeys(_PARAMETER.findall(body))),
        header=_HEADERS.get(header.upper(), "none"),
        buttons=tuple(button.text for button in buttons),
        button_kinds=tuple(_BUTTONS.get(button.type.upper(), "other") for button in buttons),
    )

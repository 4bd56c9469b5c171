"""Templates of providers as JSON shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from tidings.channels.templates import KnownTemplates
from tidings.providers.base import ProviderTemplate


class TemplateOutput(BaseModel):
    """A template as the provider has it."""

    name: str
    language: str
    status: Literal["approved", "pending", "rejected", "paused", "disabled"]
    category: str
    text: str = Field(description="The body, its parameters in the provider's own spelling.")
    parameters: list[str] = Field(description="Their names in order; `1`, `2`, … for positional ones.")
    header: Literal["none", "text", "image", "video", "document"]
    buttons: list[str]
    button_kinds: list[Literal["reply", "url", "code", "other"]]

    @classmethod
    def of(cls, one: ProviderTemplate) -> TemplateOutput:
        return cls(
            name=one.name, language=one.language, status=one.status, category=one.category, text=one.text,
            parameters=list(one.parameters), header=one.header, buttons=list(one.buttons), button_kinds=list(one.button_kinds),
        )  # fmt: skip


class TemplateList(BaseModel):
    """All templates of a channel's account."""

    items: list[TemplateOutput]
    asked_at: datetime = Field(description="When the provider told them.")

    @classmethod
    def of(cls, known: KnownTemplates) -> TemplateList:
        return cls(items=[TemplateOutput.of(one) for one in known.templates], asked_at=known.at)

"""What a message carries besides its text, as JSON takes it: the same for messages and campaigns."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tidings.core.ids import show_id
from tidings.delivery.content import ButtonPart, Content, MediaPart, TemplatePart
from tidings.files.schemas import FileId
from tidings.providers.base import media_kind
from tidings.workspaces.wire import PlainText

Url = Annotated[PlainText, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]
ContentType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,100}$")]
Short = Annotated[PlainText, StringConstraints(min_length=1, max_length=200)]
Value = Annotated[PlainText, StringConstraints(max_length=2000)]


class MediaInput(BaseModel):
    """One file: uploaded before (`id`), or at an address (`url` with `content_type`)."""

    model_config = ConfigDict(extra="forbid")

    id: FileId | None = Field(None, description="Of a file from `POST /media`; instead of `url`.")
    url: Url | None = Field(
        None, description="Where the provider fetches it; it must be public.", examples=["https://shop.example/sale.jpg"]
    )
    content_type: ContentType | None = Field(None, description="With `url`. What an uploaded file is, is known.", examples=["image/jpeg"])
    kind: Literal["image", "video", "audio", "document", "sticker"] | None = Field(
        None, description="As what it is sent. Left out, it follows from the content type."
    )
    file_name: Annotated[PlainText, StringConstraints(max_length=200)] = Field("", description="Left out, an uploaded file's own.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.id is None) == (self.url is None):
            raise ValueError("Give an `id` or a `url`: exactly one of them")
        if self.url is not None and self.content_type is None:
            raise ValueError("A `url` needs its `content_type` beside it")
        if self.id is not None and self.content_type is not None:
            raise ValueError("The `content_type` of an uploaded file is known: leave it out")
        return self

    def part(self) -> MediaPart:
        if self.id is not None:
            return MediaPart(kind=self.kind, file_name=self.file_name, id=show_id("med", self.id))
        content_type = self.content_type or ""
        return MediaPart(
            kind=self.kind or media_kind(content_type), content_type=content_type, url=self.url or "", file_name=self.file_name
        )


class ButtonInput(BaseModel):
    """Something the recipient can press below the text."""

    model_config = ConfigDict(extra="forbid")

    label: Short
    kind: Literal["reply", "url"] = "reply"
    value: Value = Field("", description="What comes back when a reply button is pressed, or the address that a url button opens.")

    def part(self) -> ButtonPart:
        return ButtonPart(label=self.label, kind=self.kind, value=self.value)


class TemplateInput(BaseModel):
    """A template that the provider has approved, filled in."""

    model_config = ConfigDict(extra="forbid")

    name: Short
    language: Annotated[PlainText, StringConstraints(min_length=2, max_length=20)] = Field(examples=["en_US"])
    body: dict[Short, Value] = Field({}, max_length=50, description="The body's parameters by name; `1`, `2`, … for positional ones.")
    header_text: Value | None = None
    header_media: MediaInput | None = None
    buttons: list[Value] = Field([], max_length=10, description="The parameter of each button that has one, in order.")
    button_kinds: list[Literal["reply", "url", "code", "other"]] = Field(
        [], max_length=10, description="What those buttons are; `url` if left out."
    )

    def part(self) -> TemplatePart:
        return TemplatePart(
            name=self.name, language=self.language, body=dict(self.body), header_text=self.header_text,
            header_media=self.header_media.part() if self.header_media else None, buttons=tuple(self.buttons),
            button_kinds=tuple(self.button_kinds),
        )  # fmt: skip


class ContentFields(BaseModel):
    """What a message may carry besides its text. Its channel must be able to: 422 says what it cannot."""

    media: MediaInput | None = Field(None, description="One file; `text` is its caption then.")
    buttons: list[ButtonInput] = Field([], max_length=25)
    template: TemplateInput | None = Field(None, description="Instead of a text, where the channel's provider has templates of its own.")
    subject: Annotated[PlainText, StringConstraints(max_length=500)] | None = Field(None, description="For mediums that have one: email.")

    def content(self) -> Content | None:
        """None where there is nothing of it."""
        made = Content(
            media=self.media.part() if self.media else None,
            buttons=tuple(one.part() for one in self.buttons),
            template=self.template.part() if self.template else None,
            subject=self.subject or "",
        )
        return None if made == Content() else made

    def content_over(self, kept: dict[str, Any] | None) -> Content | None:
        """What is given here over what there was."""
        given = self.model_fields_set & set(ContentFields.model_fields)
        before = msgspec.convert(kept or {}, Content)
        now = self.content() or Content()
        made = msgspec.structs.replace(before, **{name: getattr(now, name) for name in given})
        return None if made == Content() else made

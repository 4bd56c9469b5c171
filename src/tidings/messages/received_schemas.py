"""What a person sent, as JSON shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from tidings.core.ids import show_id
from tidings.workspaces.wire import Id

if TYPE_CHECKING:
    from tidings.messages.models import Message
    from tidings.messages.received import Content


class MediaOutput(BaseModel):
    """A file that a person sent."""

    index: int = Field(description="Its place in `media`, from 0.")
    kind: Literal["image", "video", "audio", "document", "sticker"]
    content_type: str = Field(examples=["image/jpeg"], description="As the provider says; empty where it does not.")
    file_name: str
    size: int | None = Field(description="Bytes, where the provider tells.")
    url: str = Field(
        examples=["/api/v1/messages/msg_01jqwkwptye48rv7jabdp6tfg8/media/0"],
        description="Where this server gives the file, which it fetches from the provider. Providers keep files for a limited time.",
    )


class LocationOutput(BaseModel):
    """A place that a person sent, in degrees (WGS 84)."""

    latitude: float
    longitude: float
    name: str
    address: str


class ContentOutput(BaseModel):
    """What a person sent, in one form whatever the provider."""

    text: str = Field(description="Also the caption of media, and the label of a pressed button. Empty where there is none.")
    media: list[MediaOutput]
    location: LocationOutput | None
    button: str | None = Field(description="The value of the button that was pressed.")
    reply_to: Annotated[UUID, Id("msg")] | None = Field(description="The message of ours that it answers, where it answers one.")
    sender_name: str = Field(description="What the person calls themself at the provider.")

    @classmethod
    def of(cls, message: Message, content: Content) -> ContentOutput:
        here = f"/api/v1/messages/{show_id('msg', message.id)}/media"
        media = [
            MediaOutput(
                index=index, kind=one.kind, content_type=one.content_type, file_name=one.file_name, size=one.size, url=f"{here}/{index}"
            )
            for index, one in enumerate(content.media)
        ]
        place = LocationOutput.model_validate(asdict(content.location)) if content.location else None
        return cls(
            text=message.text or "", media=media, location=place, button=content.button, reply_to=content.reply_to,
            sender_name=content.sender_name,
        )  # fmt: skip

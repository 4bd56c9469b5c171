"""Routes as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tidings.routes.service import LEAST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MOST_STEPS, KnownRoute, RouteInput, StepInput
from tidings.workspaces.wire import Id, Name, Page

RouteId = Annotated[UUID, Id("rte")]
ChannelId = Annotated[UUID, Id("chn")]
MediumWord = Literal["sms", "whatsapp", "telegram", "email", "chat"]
MessageClass = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]


class StepWanted(BaseModel):
    """One channel and when the next one follows."""

    model_config = ConfigDict(extra="forbid")

    channel: ChannelId
    wished: Literal["sent", "delivered", "read"] = Field(
        "sent", description="What has to be heard of the message: that the provider took it, that it arrived, or that it was read."
    )
    wait_seconds: int | None = Field(
        None,
        ge=LEAST_WAIT_SECONDS,
        le=LONGEST_WAIT_SECONDS,
        description="How long that may take, counted for `sent` from when the message was to leave, for the others from when it left. "
        "Without it only a final error goes on to the next step.",
    )


class RouteWanted(BaseModel):
    """A route. Changing one replaces all of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Codes",
                    "class": "transactional",
                    "steps": [
                        {"channel": "chn_01jefkwpvtfg8stfjabdp7v3mz", "wished": "delivered", "wait_seconds": 60},
                        {"channel": "chn_01jefkwpvtfg8stfjabdp7v3n0"},
                    ],
                }
            ]
        },
    )

    name: Name
    class_: MessageClass | None = Field(
        None, alias="class", description="Messages that name this class, and neither a route nor a channel, go by this route."
    )
    medium: MediumWord | None = Field(None, description="Of the class only messages that ask for this medium.")
    steps: list[StepWanted] = Field(min_length=1, max_length=MOST_STEPS, description="In the order in which they are tried.")

    def wanted(self) -> RouteInput:
        return RouteInput(
            name=self.name,
            message_class=self.class_ or "",
            medium=self.medium or "",
            steps=[StepInput(channel_id=one.channel, wished=one.wished, wait_seconds=one.wait_seconds) for one in self.steps],
        )


class StepOutput(BaseModel):
    """One channel of a route."""

    channel: ChannelId
    wished: Literal["sent", "delivered", "read"]
    wait_seconds: int | None


class RouteOutput(BaseModel):
    """A route with its steps."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: RouteId
    name: str
    class_: str | None = Field(alias="class")
    medium: str | None
    steps: list[StepOutput]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, known: KnownRoute) -> RouteOutput:
        route = known.route
        steps = [
            StepOutput.model_validate({"channel": one.channel_id, "wished": one.wished, "wait_seconds": one.wait_seconds})
            for one in known.steps
        ]
        return cls(
            id=route.id, name=route.name, class_=route.message_class or None, medium=route.medium or None, steps=steps,
            created_at=route.created_at, updated_at=route.updated_at,
        )  # fmt: skip


class RoutePage(Page[RouteOutput]):
    """Routes, the oldest first."""

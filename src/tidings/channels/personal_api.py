"""The JSON edge of personal channels and of one-time links. `make_router` is handed what lies on floors above."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tidings.channels import central, linking, overview_api, personal, service
from tidings.channels.api import SendTest, Wake
from tidings.channels.asking import Asking
from tidings.channels.models import Channel
from tidings.channels.rules import state_of
from tidings.channels.schemas import BaseUrl, ChannelId, FieldName, FieldValue, State, Stop, TestOutput
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Name, PathId, PlainText, problems

if TYPE_CHECKING:
    from tidings.channels.asking import Check
    from tidings.channels.linking import Link

ChannelPath = Annotated[UUID, PathId("chn")]
Own = Annotated[Scope, require(Permission.CHANNELS_OWN)]
OwnAccess = Annotated[Access, require_access(Permission.CHANNELS_OWN)]
_TEXT = "This is a test message from Tidings, to you alone. Your channel works."


class PersonalInput(BaseModel):
    """A channel of one's own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"provider": "telegram", "fields": {"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"}}]
        },
    )

    provider: str = Field(max_length=50, examples=["telegram"])
    fields: dict[FieldName, FieldValue] = Field({}, max_length=50, description="The provider's fields by name, secret ones included.")
    name: Name | None = Field(None, description="What you call it; left out, the provider's name.")
    api_base_url: BaseUrl = ""

    def command(self) -> personal.CreatePersonal:
        return personal.CreatePersonal(
            provider=self.provider, fields=self.fields, name=self.name or "", api_base_url=self.api_base_url.strip().rstrip("/")
        )


class PersonalOutput(BaseModel):
    """A channel of one's own. Nobody else in the workspace sees more of it than that it is there."""

    id: ChannelId
    name: str
    provider: str
    medium: str
    secrets: dict[str, str] = Field(description="The secrets that are set, each with its last four letters where it is long enough.")
    enabled: bool
    state: State
    stop: Stop | None
    linked: bool = Field(description="Whether your own chat is linked to it.")
    linked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, channel: Channel) -> PersonalOutput:
        stop = None
        if channel.stopped_code is not None and channel.stopped_at is not None:
            stop = Stop(code=channel.stopped_code, detail=channel.stopped_detail or "", at=channel.stopped_at)
        return cls.model_validate({
            "id": channel.id, "name": channel.name, "provider": channel.provider, "medium": channel.medium,
            "secrets": channel.credential_hints, "enabled": channel.enabled,
            "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None), "stop": stop,
            "linked": channel.owner_address is not None, "linked_at": channel.owner_linked_at, "last_used_at": channel.last_used_at,
            "created_at": channel.created_at,
        })  # fmt: skip


class NewPersonalOutput(PersonalOutput):
    """A new channel of one's own, and what its provider said of it."""

    check: str = Field(examples=["The bot @shop_bot answers."], description="What was proved, or why it could not be proved just now.")
    checked: bool

    @classmethod
    def with_check(cls, channel: Channel, check: Check) -> NewPersonalOutput:
        return cls.model_validate({**PersonalOutput.of(channel).model_dump(), "check": check.detail, "checked": check.ok})


class OwnCentralOutput(BaseModel):
    """An old address of one's own on a central channel of the workspace."""

    channel: ChannelId
    medium: str
    address: str
    moved: bool = Field(description="Whether you have a channel of your own for this medium by now that is on and linked.")
    kept_at: datetime


class PersonalList(BaseModel):
    """One's own channels, the oldest first, and where one is still on a central one."""

    items: list[PersonalOutput]
    central_addresses: list[OwnCentralOutput] = Field(
        description="Where `moved` is false, your messages still go by the workspace's central channel: set up one of your own."
    )


class LinkInput(BaseModel):
    """By which channel the person is to be linked."""

    model_config = ConfigDict(extra="forbid")

    channel: ChannelId


class LinkOutput(BaseModel):
    """A link that works once."""

    url: str = Field(examples=["https://t.me/shop_bot?start=Xk3v9mQ2"], description="Hand it to the person alone: who opens it is linked.")
    expires_at: datetime

    @classmethod
    def of(cls, link: Link) -> LinkOutput:
        return cls(url=link.url, expires_at=link.expires_at)


class SelfTestInput(BaseModel):
    """A message to oneself."""

    model_config = ConfigDict(extra="forbid")

    text: PlainText = Field(_TEXT, min_length=1, max_length=1600)


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All routes of personal channels, of who is on what, and that of links."""
    router = APIRouter()
    router.include_router(_links())
    overview_api.add_routes(router)
    router.include_router(_own(send_test, wake))
    return router


def _links() -> APIRouter:
    router = APIRouter()

    @router.post("/contacts/{contact_id}/links", tags=["Contacts"], status_code=201, responses=problems(404, 409))
    async def link_contact(
        contact_id: Annotated[UUID, PathId("con")],
        body: LinkInput,
        request: Request,
        access: Annotated[Access, require_access(Permission.CONTACTS_WRITE)],
    ) -> LinkOutput:
        """Make a link by which one person joins their chat to this contact: Telegram opens the bot, WhatsApp a chat with a text to send.

        It works once and for seven days (TIDINGS_LINK_DAYS). Asked again, another is made; both hold. Whoever opens it is opted in. A chat
        that is another contact's already stays that contact's.
        """
        return LinkOutput.of(await linking.link_contact(asking_of(request), access, contact_id, body.channel))

    return router


def _own(send_test: SendTest, wake: Wake) -> APIRouter:
    router = APIRouter(prefix="/me/channels", tags=["My channels"])

    @router.get("", responses=problems(409))
    async def list_own(scope: Own) -> PersonalList:
        """List your own channels, and your old addresses on central ones. An API key has none: sign in as a person."""
        own = await personal.list_own(scope.session, scope.access)
        old = await central.own_addresses(scope.session, scope.access)
        return PersonalList(
            items=[PersonalOutput.of(one) for one in own],
            central_addresses=[
                OwnCentralOutput(channel=one.channel_id, medium=one.medium, address=one.address, moved=one.moved, kept_at=one.kept_at)
                for one in old
            ],
        )

    @router.post("", status_code=201, responses=problems(409))
    async def create_own(body: PersonalInput, request: Request, access: OwnAccess) -> NewPersonalOutput:
        """Set up a channel of your own. The provider is asked at once: credentials that it refuses are a 422, and nothing is kept."""
        channel, check = await personal.create_own(asking_of(request), access, body.command())
        return NewPersonalOutput.with_check(channel, check)

    @router.get("/{own_channel_id}", responses=problems(404, 409))
    async def get_own(own_channel_id: ChannelPath, scope: Own) -> PersonalOutput:
        """Show one of your channels; `linked` tells whether your own chat is joined to it."""
        return PersonalOutput.of(await personal.get_own(scope.session, scope.access, own_channel_id))

    @router.delete("/{own_channel_id}", status_code=204, responses=problems(404, 409))
    async def delete_own(own_channel_id: ChannelPath, scope: Own) -> Response:
        """Delete one of your channels and destroy its secrets. Refused while messages still have to leave by it."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        await service.delete_channel(scope.session, scope.access, own_channel_id)
        return Response(status_code=204)

    @router.put("/{own_channel_id}/enabled", responses=problems(404, 409))
    async def enable_own(own_channel_id: ChannelPath, request: Request, scope: Own) -> PersonalOutput:
        """Switch it on. What waited goes out now."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        channel = await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=True)
        wake(scope.session, request.app.state.database, own_channel_id)
        return PersonalOutput.of(channel)

    @router.delete("/{own_channel_id}/enabled", responses=problems(404, 409))
    async def disable_own(own_channel_id: ChannelPath, scope: Own) -> PersonalOutput:
        """Switch it off. Its messages wait, new ones are refused."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        return PersonalOutput.of(await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=False))

    @router.post("/{own_channel_id}/link", status_code=201, responses=problems(404, 409))
    async def link_own(own_channel_id: ChannelPath, request: Request, access: OwnAccess) -> LinkOutput:
        """Make a link by which you join your own chat to your channel. Opened again from another chat, with a new link, that one is yours."""
        personal.demand_person(access)
        return LinkOutput.of(await linking.link_owner(asking_of(request), access, own_channel_id))

    @router.post("/{own_channel_id}/test", status_code=202, response_model=TestOutput, responses=problems(404, 409, 429))
    async def test_own(
        own_channel_id: ChannelPath,
        request: Request,
        once: Annotated[Once, idempotent()],
        scope: Annotated[Scope, require_send(Permission.CHANNELS_OWN)],
        body: SelfTestInput | None = None,
    ) -> Response:
        """Send a message to yourself by your channel, once your chat is linked to it."""

        async def send() -> TestOutput:
            to = await personal.own_address(scope.session, scope.access, own_channel_id)
            text = body.text if body else _TEXT
            return TestOutput(message=await send_test(scope.session, scope.access, request.app.state.database, own_channel_id, to, text))

        return await once.answer(scope, send, status_code=202)

    return router


def asking_of(request: Request) -> Asking:
    """What asking a provider takes."""
    state = request.app.state
    return Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)

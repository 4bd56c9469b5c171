"""The JSON edge of personal channels and of one-time links. `make_router` is handed what lies on floors above."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.channels import central, linking, overview_api, personal, service
from tidings.channels.api import SendTest, Wake
from tidings.channels.asking import Asking
from tidings.channels.lifecycle_schemas import ControlInput
from tidings.channels.personal_schemas import (
    TEST_TEXT,
    ChangedPersonalOutput,
    LinkInput,
    LinkOutput,
    NewPersonalOutput,
    OwnCentralOutput,
    PersonalChange,
    PersonalInput,
    PersonalList,
    PersonalOutput,
    SelfTestInput,
)
from tidings.channels.schemas import TestOutput
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId, problems

ChannelPath = Annotated[UUID, PathId("chn")]
Own = Annotated[Scope, require(Permission.CHANNELS_OWN)]
OwnAccess = Annotated[Access, require_access(Permission.CHANNELS_OWN)]


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

    @router.patch("/{own_channel_id}", responses=problems(404, 409))
    async def change_own(own_channel_id: ChannelPath, body: PersonalChange, request: Request, access: OwnAccess) -> ChangedPersonalOutput:
        """Rename it, or give it new fields. The provider is asked about them at once: what it refuses is a 422, and nothing is changed.

        A channel that was stopped goes on once they are accepted. Where the provider cannot be asked just now they are kept, and the
        channel stays as it was: `checked` is false.
        """
        channel, check = await personal.change_own(asking_of(request), access, own_channel_id, body.command(), wake)
        return ChangedPersonalOutput.with_check(channel, check)

    @router.post("/{own_channel_id}/control", responses=problems(404, 409))
    async def control_own(own_channel_id: ChannelPath, body: ControlInput, request: Request, access: OwnAccess) -> PersonalOutput:
        """Start, stop or restart it. While it is stopped its messages wait; one that failed goes on once its check succeeds."""
        return PersonalOutput.of(await personal.control_own(asking_of(request), access, own_channel_id, body.action, wake))

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
            text = body.text if body else TEST_TEXT
            return TestOutput(message=await send_test(scope.session, scope.access, request.app.state.database, own_channel_id, to, text))

        return await once.answer(scope, send, status_code=202)

    return router


def asking_of(request: Request) -> Asking:
    """What asking a provider takes."""
    state = request.app.state
    return Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)

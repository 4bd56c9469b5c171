"""The test on the form of a channel that is tried before it is saved: what was sent, what came back, and whether the form may be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from tidings.channels import service, trying
from tidings.channels.try_schemas import OutcomeOutput
from tidings.channels.web.form import change, creation, read_form, sentences
from tidings.channels.web.shown import ChannelPath, address_of, asking_of, card_of
from tidings.errors import Conflict, FieldError, Invalid, TidingsError
from tidings.ui.pages import render
from tidings.workspaces.page_edge import Visitor, require_visitor
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.datastructures import FormData

    from tidings.channels.models import Channel
    from tidings.channels.service import ChangeChannel, CreateChannel
    from tidings.channels.trying import TriedOut
    from tidings.channels.web.form import ChannelForm
    from tidings.providers.base import Description
    from tidings.workspaces.access import Access

router = APIRouter()
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CHANNELS_WRITE, "channels")]
PROOF, WITHOUT = "tested", "without_test"
"""Of the form: what the last good test gave, and the button that saves without any."""


@router.post("/channels/new/{kind}/try")
async def try_new_channel(kind: str, request: Request, visitor: WriterVisitor) -> Response:
    """Send one message by the channel as it is filled in; nothing is saved."""
    return await _try_out(request, visitor, card_of(kind))


@router.post("/channels/{channel_id}/edit/try")
async def try_changed_channel(channel_id: ChannelPath, request: Request, visitor: WriterVisitor) -> Response:
    """The same for a channel that exists, with the secrets it has."""
    async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
        channel = await service.get_channel(session, visitor.access, channel_id)
    return await _try_out(request, visitor, card_of(channel.provider), channel)


async def demand_test(
    request: Request, session: AsyncSession, access: Access, command: CreateChannel | ChangeChannel,
    *, sent: FormData, channel: Channel | None = None,
) -> None:  # fmt: skip
    """Raises Invalid unless exactly this was tested, is saved so already, or is to be saved untested."""
    kind = channel.provider if channel is not None else getattr(command, "provider", "")
    if not trying.can_try(kind) or sent.get(WITHOUT):
        return
    state = request.app.state
    channel_id = channel.id if channel else None
    candidate = await trying.candidate_of(session, access, state.vault, state.settings, command, channel_id=channel_id)
    if channel is not None and candidate.same() == _saved(channel, request):
        return
    proof = str(sent.get(PROOF, ""))
    if not trying.is_proved(state.vault, candidate, proof):
        why = "was changed since the test, or the test is older than an hour" if proof else "has not been tested"
        fault = FieldError(PROOF, f"configuration {why}. Test it, or save it without testing")
        raise Invalid("Nothing was saved: this configuration is not tested.", errors=(fault,))


def _saved(channel: Channel, request: Request) -> bytes:
    """What is saved now; nothing where it cannot be read any more, which is no reason against mending it."""
    try:
        return trying.candidate_as_saved(channel, request.app.state.vault).same()
    except TidingsError:
        return b""


async def _try_out(request: Request, visitor: Visitor, description: Description, channel: Channel | None = None) -> Response:
    visitor.access.demand(Permission.MESSAGES_SEND)
    state = request.app.state
    await limit(state.database, f"send:{visitor.access.workspace_id}", state.settings.send_requests_per_minute)
    sent = await request.form()
    to, done, errors = str(sent.get("try_to", "")).strip(), None, {}
    try:
        done = await _tried(request, visitor, read_form(sent, description), description, channel=channel, to=to)
    except (Invalid, Conflict, ValidationError) as error:
        errors = sentences(error, description)
    return render(
        request, "channels/parts/try_out.html", frame=visitor.frame, channel=channel, address=address_of(description, channel),
        errors={"try_to": errors["to"]} if "to" in errors else {}, try_to=to, tried=done,
        outcome=OutcomeOutput.of(done.tried.outcome) if done else None,
        try_error=" ".join(_told(place, said, description) for place, said in errors.items() if place != "to"),
    )  # fmt: skip


async def _tried(
    request: Request, visitor: Visitor, form: ChannelForm, description: Description, *, channel: Channel | None, to: str
) -> TriedOut:  # fmt: skip
    if not to:
        raise Invalid("A test needs somebody to go to.", errors=(FieldError("to", "message needs a number to go to"),))
    command = change(form) if channel else creation(form, description.kind)
    return await trying.try_out(asking_of(request), visitor.access, command, channel_id=channel.id if channel else None, to=to)


def _told(place: str, said: str, description: Description) -> str:
    """A fault of a field, told away from it."""
    label = next((one.label for one in description.fields if f"field_{one.name}" == place), "")
    return said if not label or said.startswith(label) else f"{label}: {said}"

"""Setting a channel up and changing it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from tidings.channels import asking, service, trying
from tidings.channels.senders import SETTING, keep_senders_at_once, show_senders_at_once
from tidings.channels.web.form import ChannelForm, change, creation, form_of, new_form, read_form, sentences
from tidings.channels.web.limits_form import LimitsForm, show_rules
from tidings.channels.web.shown import ChannelPath, address_of, asking_of, card_of, logo_address
from tidings.channels.web.trying import demand_test
from tidings.core.addresses import LABELS
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.providers import PROVIDERS
from tidings.providers.base import Description, Field
from tidings.ui.flash import flash
from tidings.ui.frame import Frame
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.datastructures import FormData

router = APIRouter()
Writer = Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "channels")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CHANNELS_WRITE, "channels")]


@router.get("/channels/new")
async def choose_provider(request: Request, scope: Writer) -> Response:
    """Which provider the new channel is to go by."""
    providers = [(each.description, logo_address(kind)) for kind, each in PROVIDERS.items()]
    return render(request, "channels/choose.html", frame=scope.frame, providers=providers)


@router.get("/channels/new/{kind}")
async def new_channel(kind: str, request: Request, scope: Writer) -> Response:
    """The empty form."""
    description = card_of(kind)
    at_once = await show_senders_at_once(scope.session, scope.access, kind)
    return _form_page(request, scope.frame, description, replace(new_form(description), senders_at_once=at_once))


@router.post("/channels/new/{kind}")
async def create_channel(kind: str, request: Request, visitor: WriterVisitor) -> Response:
    """Make the channel, then ask the provider whether it works: the channel stays either way."""
    description = card_of(kind)
    sent = await request.form()
    form = read_form(sent, description)
    state = request.app.state
    try:
        command = creation(form, kind)
        async with state.database.workspace(visitor.access.workspace_id) as session:
            await demand_test(request, session, visitor.access, command, sent=sent)
            channel = await service.create_channel(session, visitor.access, state.vault, state.settings, command)
            await _keep_senders(session, visitor, kind, sent)
    except (Invalid, Conflict, ValidationError) as error:
        return _form_page(request, visitor.frame, description, form, errors=sentences(error, description))
    asked = asking_of(request)
    check = await asking.check_channel(asked, visitor.access, channel.id)
    if check.ok and description.capabilities.balance:
        with suppress(Conflict):  # the channel's page has a button to ask again
            await asking.read_balance(asked, visitor.access, channel.id)
    response = go_to(request, f"/channels/{show_id('chn', channel.id)}")
    if check.ok and description.capabilities.sessions:
        flash(response, f"“{channel.name}” is set up. Now link the phone: the code to scan appears below within seconds.")
    elif check.ok:  # what the check proved, and no more: at some services it cannot prove that messages arrive
        flash(response, f"“{channel.name}” is set up. {check.detail}")
    else:
        said = check.detail if check.detail.endswith((".", "!", "?")) else f"{check.detail}."
        flash(response, f"“{channel.name}” is set up, but its check failed: {said} Mend it under Edit.", "warning")
    return response


@router.get("/channels/{channel_id}/edit")
async def edit_channel(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
    """The form with what is kept, but for the secrets."""
    channel = await service.get_channel(scope.session, scope.access, channel_id)
    at_once = await show_senders_at_once(scope.session, scope.access, channel.provider)
    form = replace(form_of(channel), senders_at_once=at_once)
    return _form_page(request, scope.frame, card_of(channel.provider), form, channel=channel)


@router.post("/channels/{channel_id}/edit")
async def change_channel(channel_id: ChannelPath, request: Request, visitor: WriterVisitor) -> Response:
    """Keep the change, or show the form again with what is wrong in it."""
    state = request.app.state
    async with state.database.workspace(visitor.access.workspace_id) as session:
        channel = await service.get_channel(session, visitor.access, channel_id)
    description = card_of(channel.provider)
    sent = await request.form()
    form = read_form(sent, description)
    try:
        command = change(form)
        async with state.database.workspace(visitor.access.workspace_id) as session:
            await demand_test(request, session, visitor.access, command, sent=sent, channel=channel)
            changed = await service.change_channel(session, visitor.access, state.vault, state.settings, channel_id, command)
            await _keep_senders(session, visitor, channel.provider, sent)
    except (Invalid, Conflict, ValidationError) as error:
        return _form_page(request, visitor.frame, description, form, errors=sentences(error, description), channel=channel)
    response = go_to(request, f"/channels/{show_id('chn', channel_id)}")
    if changed.stopped_at is not None:
        flash(response, "Saved. The channel is still stopped: start it again when it is mended.", "warning")
    else:
        flash(response, "Saved. The next message goes by it as it is now.")
    return response


async def _keep_senders(session: AsyncSession, visitor: Visitor, kind: str, sent: FormData) -> None:
    """A limit of the whole workspace, on the form for those who may change the workspace."""
    typed = sent.get(SETTING)
    if isinstance(typed, str) and Permission.WORKSPACE_WRITE in visitor.access.permissions:
        await keep_senders_at_once(session, visitor.access, kind, typed.strip())


def _form_page(
    request: Request,
    frame: Frame,
    description: Description,
    form: ChannelForm,
    *,
    errors: dict[str, str] | None = None,
    channel: Any = None,
) -> Response:
    context = {
        "provider": description,
        "logo": logo_address(description.kind),
        "form": form,
        "errors": errors or {},
        "channel": channel,
        "kept": channel.credential_hints if channel else {},
        "address": address_of(description, channel),
        "can_try": trying.can_try(description.kind),
        "try_to": "",
        "tried": None,
        "outcome": None,
        "try_error": "",
        "mediums": [(one, LABELS[one]) for one in description.capabilities.mediums],
        "choices_of": lambda field: [(one, _choice_label(one)) for one in field.choices],
        "form_sections": _sections(description),
        "open_sections": {
            one.section
            for one in description.fields
            if f"field_{one.name}" in (errors or {}) or form.fields.get(one.name, "") not in {"", one.default}
        },
        "usual_rules": show_rules([asdict(rule) for rule in description.limits.per_recipient]),
        "limits_open": form.has_limits or not {*LimitsForm.__dataclass_fields__, "api_base_url", SETTING}.isdisjoint(errors or ()),
        "may_override": bool(request.app.state.settings.allowed_api_base_urls),
    }
    return render(request, "channels/form.html", frame=frame, status_code=422 if errors else 200, **context)


def _choice_label(value: str) -> str:
    """One of a field's values as its menu shows it: names as the provider writes them, plain words with a capital."""
    if value in {"html", "json", "starttls", "tls", "xml"}:
        return value.upper()
    return value.capitalize() if value.islower() else value


def _sections(description: Description) -> list[tuple[str, list[Field]]]:
    """The parts of a long form that are not seen first, in the order of their fields."""
    named: dict[str, list[Field]] = {}
    for one in description.fields:
        if one.section:
            named.setdefault(one.section, []).append(one)
    return list(named.items())

"""Draws the compose form with what is at its sides: channels, groups, contacts, what a text may insert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tidings.campaigns.web.file import ACCEPT
from tidings.campaigns.web.form import VALIDITIES, ComposeForm, sentences
from tidings.campaigns.web.look_ahead import look_ahead
from tidings.campaigns.web.pickers import attribute_names, contact_choices, group_choices
from tidings.channels.service import list_channels
from tidings.core.clock import utc_now
from tidings.core.ids import show_id
from tidings.errors import Invalid, TidingsError
from tidings.providers import PROVIDERS
from tidings.routes.service import list_routes
from tidings.ui.pages import render, wants_fragment

if TYPE_CHECKING:
    from fastapi import Request, Response

    from tidings.channels.models import Channel
    from tidings.workspaces.page_edge import PageScope

DELIVERIES = (
    (
        "at_most_once",
        "Never twice",
        "If the provider does not answer, the message is not sent again. Its end is then unknown, and you decide.",
    ),
    (
        "at_least_once",
        "Rather twice than never",
        "If no answer comes, it is sent again. Somebody may get it twice; such copies are marked.",
    ),
)
OWN_VARIABLES = (
    ("First name", '{{ first_name|default("there") }}'),
    ("Last name", '{{ last_name|default("") }}'),
    ("Name", '{{ name|default("there") }}'),
    ("Phone", "{{ phone }}"),
)
MOST_ATTRIBUTES = 8


async def form_page(
    request: Request,
    scope: PageScope,
    form: ComposeForm,
    *,
    error: TidingsError | None = None,
    campaign_id: UUID | None = None,
    version: int | None = None,
) -> Response:
    """The form as it was filled in, with what is wrong at its fields. htmx gets its inside only."""
    errors = {} if error is None else sentences(error) if isinstance(error, Invalid) else {"form": error.detail}
    context = await compose_context(scope, form, campaign_id, links=request.app.state.links.reachable)
    response = render(
        request,
        "campaigns/compose.html",
        frame=scope.frame,
        fragment="fields",
        status_code=error.status_code if error else 200,
        errors=errors,
        file_error=errors.get("file", ""),
        file_limit=request.app.state.settings.file_limit_bytes,
        file_accept=ACCEPT,
        editing=show_id("cmp", campaign_id) if campaign_id else "",
        version=version or "",
        **context,
    )
    if wants_fragment(request):
        response.headers["HX-Retarget"] = "#compose"
        response.headers["HX-Reswap"] = "innerHTML show:#compose:top"
    return response


async def compose_context(scope: PageScope, form: ComposeForm, campaign_id: UUID | None, *, links: bool) -> dict[str, Any]:
    """What the form offers."""
    channels = [channel for channel in await list_channels(scope.session, scope.access) if channel.enabled]
    default = next((show_id("chn", channel.id) for channel in channels if channel.is_default), "")
    attributes = (await attribute_names(scope))[:MOST_ATTRIBUTES]
    ahead = await look_ahead(scope, form, now=utc_now(), links=links, campaign_id=campaign_id)
    return {
        "form": form,
        "channels": [
            *((show_id("chn", channel.id), _label(channel)) for channel in channels),
            *((show_id("rte", known.route.id), f"Route: {known.route.name}") for known in await list_routes(scope.session, scope.access)),
        ],
        "default_channel": form.channel or default,
        "validities": VALIDITIES,
        "deliveries": DELIVERIES,
        "variables": [*OWN_VARIABLES, *((name, f'{{{{ {name}|default("") }}}}') for name in attributes)],
        "shown": 0,
        "ahead": ahead,
        "picked": ahead.picked,
        **await group_choices(scope, form.groups),
        **await contact_choices(scope, form.contacts),
    }


def _label(channel: Channel) -> str:
    known = PROVIDERS.get(channel.provider)
    parts = [channel.name, known.description.label if known else channel.provider, channel.sender]
    state = " (stopped: messages wait until it is mended)" if channel.stopped_at else ""
    return " · ".join(dict.fromkeys(part for part in parts if part)) + state

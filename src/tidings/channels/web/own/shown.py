"""A channel of one's own as its pages show it, and the page itself, which several of its forms come back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Request, Response

from tidings.channels import personal, service
from tidings.channels.models import Channel
from tidings.channels.rules import state_of
from tidings.channels.web.session import linking_context
from tidings.channels.web.shown import logo_address, own_address, what_owner_does
from tidings.providers import PROVIDERS
from tidings.ui.flash import Tone, flash
from tidings.ui.pages import go_to, render, wants_fragment
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from tidings.channels.linking import Link

Mine = Annotated[PageScope, require_page(Permission.CHANNELS_OWN, "my_channels")]
MineVisitor = Annotated[Visitor, require_visitor(Permission.CHANNELS_OWN, "my_channels")]


def show_own(channel: Channel) -> dict[str, Any]:
    """One channel, for the list and for its page."""
    description = PROVIDERS[channel.provider].description if channel.provider in PROVIDERS else None
    return {
        "channel": channel,
        "address": own_address(channel.id),
        "logo": logo_address(channel.provider),
        "provider": description.label if description else channel.provider,
        "can_link": description is not None and description.capabilities.links,
        "has_session": description is not None and description.capabilities.sessions,
        "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None),
        "secrets": [one for one in description.fields if one.secret] if description else [],
        "what_to_do": what_owner_does(channel, channel.stopped_code or "", "below"),
    }


async def own_page(
    request: Request, scope: PageScope, channel_id: UUID, *, link: Link | None = None, errors: dict[str, str] | None = None
) -> Response:
    """The channel's page; with a link that was just made, or with what is wrong with new credentials. Raises NotFound."""
    channel = await personal.get_own(scope.session, scope.access, channel_id)
    one = show_own(channel)
    traffic = await service.traffic(scope.session, scope.access.workspace_id, [channel.id])
    phone = await linking_context(scope, channel.id) if one["has_session"] else {"session": None}
    context = {"one": one, "waiting": traffic[channel.id].waiting, "link": link, "errors": errors or {}, **phone}
    context |= _since_seen(request, one, link)
    status_code = 422 if errors else 200
    return render(request, "channels/own/page.html", frame=scope.frame, fragment="steps", status_code=status_code, **context)


def _since_seen(request: Request, one: dict[str, Any], link: Link | None) -> dict[str, Any]:
    """What the page asks with when it refreshes its steps, and what it has to redraw around them because it changed meanwhile."""
    linked_at = one["channel"].owner_linked_at
    now = str(linked_at.timestamp()) if linked_at else "never"
    asked = request.query_params if wants_fragment(request) else {}
    before = asked.get("linked", now if link else "")
    link_used = bool(before) and before != now
    return {
        "refresh": f"{one['address']}?state={one['state']}" + (f"&linked={before}" if before and not link_used else ""),
        "link_used": link_used,
        "state_changed": asked.get("state", one["state"]) != one["state"],
    }


def back(request: Request, channel_id: UUID, text: str, tone: Tone = "success") -> Response:
    """To the channel's page, with a sentence on what was done."""
    response = go_to(request, own_address(channel_id))
    flash(response, text, tone)
    return response

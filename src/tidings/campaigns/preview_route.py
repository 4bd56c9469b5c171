"""Says what a campaign by a route would come to: by which channel how many would be written to first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tidings.campaigns.preview import SAMPLE, SHOWN, Preview, Way, parts_of, rendered_for
from tidings.contacts.audience import CONTACTS_SQL, START
from tidings.contacts.service import Audience, AudienceCount, check_audience
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.messages.carrying import carriers
from tidings.messages.windows import needs_window, window_of
from tidings.routes.service import route_for_sending
from tidings.templates.rendering import read_text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.delivery.content import Content
    from tidings.routes.rules import Step
    from tidings.workspaces.access import Access

_SQL = NamedSql("tidings.campaigns", "fan_out.sql")
_COUNT = _SQL.count_route.format(contacts=CONTACTS_SQL, way=_SQL.way)
_SAMPLE = _SQL.route_sample.format(contacts=CONTACTS_SQL, way=_SQL.way)
_EVERYBODY = 2**31 - 1


async def preview_by_route(
    session: AsyncSession, access: Access, *, text: str, content: Content | None, audience: Audience, route_id: UUID, links: bool
) -> Preview:
    """Look ahead. Raises Invalid when the text or the audience could not be used, NotFound or Conflict when the route could not."""
    template = read_text(text)
    steps = await route_for_sending(session, access.workspace_id, route_id)
    chosen = carriers(steps, text, content, links=links)
    await check_audience(session, access.workspace_id, audience.groups, audience.contacts)
    connection = await raw_connection(session)
    rows = await connection.fetch(_COUNT, *_given(access.workspace_id, audience, chosen, content, _EVERYBODY))
    ways = tuple(
        Way(row["channel_id"], row["medium"], row["recipients"], row["opted_out"]) for row in rows if row["channel_id"] is not None
    )
    limit = SAMPLE if template.names else SHOWN
    page = await connection.fetch(_SAMPLE, *_given(access.workspace_id, audience, chosen, content, limit))
    made = [(row["medium"], rendered_for(template, dict(row))) for row in page]
    good, bad = ([one for _, one in made if (one.text is None) is is_bad] for is_bad in (False, True))
    by_sms = [one for one in ways if one.medium == "sms"]
    counted = AudienceCount(
        recipients=sum(one.recipients for one in by_sms), opted_out=sum(one.opted_out for one in by_sms), without_address=0
    )
    return Preview(
        channel_id=ways[0].channel_id if ways else steps[0].channel_id,
        medium=ways[0].medium if ways else steps[0].medium,
        audience=AudienceCount(
            recipients=sum(one.recipients for one in ways), opted_out=sum(one.opted_out for one in ways),
            without_address=sum(row["recipients"] for row in rows if row["channel_id"] is None),
        ),
        variables=tuple(sorted(template.names)),
        samples=tuple(good[:SHOWN]),
        sampled=len(made),
        unrenderable=tuple(bad[:SHOWN]),
        unrenderable_count=len(bad),
        parts=parts_of(template, [one for medium, one in made if medium == "sms"], counted) if by_sms else None,
        per_second=None,
        finish_at=None,
        price=None,
        ways=ways,
    )  # fmt: skip


def _given(workspace_id: UUID, audience: Audience, steps: Sequence[Step], content: Content | None, limit: int) -> list[Any]:
    windows = [window_of(one.provider) if needs_window(content) else None for one in steps]
    return [
        workspace_id, audience.all, list(audience.groups), list(audience.contacts), START, limit, [one.position for one in steps],
        [one.channel_id for one in steps], [one.medium for one in steps], [one.health == "up" for one in steps], windows,
    ]  # fmt: skip

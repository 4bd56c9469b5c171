"""What every page shows around itself that channels know of: open alerts, and whether the person is still on a central channel."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import personal
from tidings.channels.central import SQL
from tidings.core.addresses import LABELS
from tidings.ui.frame import Notices, StillCentral

if TYPE_CHECKING:
    import asyncpg


async def read_notices(pool: asyncpg.Pool, workspace_id: UUID, user_id: UUID) -> Notices:
    """All of it in one query, for every page asks."""
    row = await pool.fetchrow(SQL.notices, workspace_id, user_id)
    assert row is not None
    return Notices(open_alerts=row["open_alerts"], still_central=_still_central(row["mediums"], row["begun"]))


def _still_central(mediums: list[str], begun: list[str]) -> StillCentral | None:
    """None also where there is nothing to lead to: an extra that the provider needs is not installed any more."""
    kinds = {medium: one.kind for one in personal.personal_providers() for medium in one.capabilities.mediums}
    open_mediums = [one for one in mediums if one in kinds]
    if not open_mediums:
        return None
    waits = any(one in begun for one in open_mediums)
    only = kinds[open_mediums[0]] if len(open_mediums) == 1 and not waits else None
    return StillCentral(
        media=tuple(LABELS[one] for one in open_mediums), address=f"/my-channels/new/{only}" if only else "/my-channels", begun=waits
    )

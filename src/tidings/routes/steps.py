"""The steps of routes with the state of their channels at this moment, on bare asyncpg connections: for the API and for the worker."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.routes.rules import Step

if TYPE_CHECKING:
    import asyncpg

RouteKey = tuple[UUID, UUID]
"""Workspace and route."""

_STEPS = """
    SELECT s.workspace_id, s.route_id, s.position, s.channel_id, s.wished, s.wait_seconds, c.medium, c.provider,
           CASE WHEN c.deleted_at IS NOT NULL OR NOT c.enabled THEN 'off'
                WHEN c.stopped_at IS NOT NULL THEN 'stopped'
                WHEN p.paused_until > now() THEN 'resting' ELSE 'up' END AS health
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, route_id)
    JOIN route_steps s ON s.workspace_id = wanted.workspace_id AND s.route_id = wanted.route_id
    JOIN channels c ON c.workspace_id = s.workspace_id AND c.id = s.channel_id
    LEFT JOIN channel_pace p ON p.channel_id = c.id
    ORDER BY s.position
"""


async def read_steps(connection: asyncpg.Connection, routes: Collection[RouteKey]) -> dict[RouteKey, list[Step]]:
    """The steps of each of these routes in their order; deleted routes have theirs still."""
    found: dict[RouteKey, list[Step]] = {key: [] for key in routes}
    if not found:
        return found
    workspaces, ids = (list(column) for column in zip(*found, strict=True))
    for row in await connection.fetch(_STEPS, workspaces, ids):
        found[row["workspace_id"], row["route_id"]].append(
            Step(
                position=row["position"],
                channel_id=row["channel_id"],
                medium=row["medium"],
                provider=row["provider"],
                health=row["health"],
                wished=row["wished"],
                wait_seconds=row["wait_seconds"],
            )
        )
    return found

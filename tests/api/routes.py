"""Every route of the app, with the permission it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tidings.workspaces.rules import Permission


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    permission: Permission | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(app: FastAPI) -> Iterator[Route]:
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        asked = {getattr(one.call, "permission", None) for one in dependant.dependencies} - {None} if dependant else set()
        assert len(asked) <= 1, context.path
        for method in sorted(context.methods or {"MOUNT"}):
            yield Route(method, context.path, next(iter(asked), None))

"""Who is calling, in which workspace, and what they may do. Made once per request by `workspaces.edge`, then only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tidings.errors import Forbidden
from tidings.workspaces.rules import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A caller who has proved who they are."""

    workspace_id: UUID
    actor_kind: Literal["user", "api_key", "system"]
    actor_id: UUID | None
    actor_label: str
    """An e-mail address or a key's name, as the audit log shows it."""
    permissions: frozenset[Permission]
    ip: str | None = None

    @property
    def user_id(self) -> UUID | None:
        """The person who calls; None for a key and for Tidings itself."""
        return self.actor_id if self.actor_kind == "user" else None

    def demand(self, permission: Permission) -> None:
        """Raises Forbidden when this caller may not do that."""
        if permission not in self.permissions:
            ask = "Make one that has it" if self.actor_kind == "api_key" else "Ask an owner of the workspace for another role, or to do it"
            raise Forbidden(f"This needs the permission {permission.value}, which {self.actor_label} does not have. {ask}.")


def system_access(workspace_id: UUID, label: str) -> Access:
    """For what Tidings does by itself: background jobs, the engine, the command line."""
    return Access(workspace_id=workspace_id, actor_kind="system", actor_id=None, actor_label=label, permissions=frozenset(Permission))

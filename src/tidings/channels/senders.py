"""How many channels of one provider may send at once in a workspace: one of the workspace's settings, by provider. Held in delivery/senders.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidings.errors import FieldError, Invalid
from tidings.workspaces.service import change_workspace, get_workspace
from tidings.workspaces.workspace_rules import WorkspaceChanges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

SETTING = "senders_at_once"
_MOST = 100_000


async def show_senders_at_once(session: AsyncSession, access: Access, kind: str) -> str:
    """As a form shows it: a number, 0 for any number, nothing where the provider's own holds."""
    own = _own((await get_workspace(session, access)).settings)
    return "" if kind not in own else str(own[kind] or 0)


async def keep_senders_at_once(session: AsyncSession, access: Access, kind: str, text: str) -> None:
    """Take over what was filled in. Raises Invalid."""
    if text and not (text.isascii() and text.isdigit() and int(text) <= _MOST):
        fault = FieldError(f"limits.{SETTING}", "must be a whole number, or empty")
        raise Invalid("The limits cannot be read; nothing was saved.", errors=(fault,))
    before = _own((await get_workspace(session, access)).settings)
    others = {name: most for name, most in before.items() if name != kind}
    after = {**others, kind: int(text) or None} if text else others
    if after != before:
        await change_workspace(session, access, WorkspaceChanges(settings={SETTING: after}))


def _own(settings: Mapping[str, Any]) -> dict[str, int | None]:
    own = settings.get(SETTING)
    return own if isinstance(own, dict) else {}

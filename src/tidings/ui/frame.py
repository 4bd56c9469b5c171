"""What every page of a signed-in person shows around its content. Plain values: the caller fills it, `ui` only draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class WorkspaceChoice:
    """A workspace that the person may switch to; `id` is the outside form (`wrk_…`)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StillCentral:
    """The person's messages still go by a central channel of the workspace: they are led to one of their own."""

    media: tuple[str, ...]
    """By which, in words: Telegram, WhatsApp."""
    address: str
    """Where it is set up."""
    begun: bool
    """They have one already that is not linked, or off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What rooms above know of the person that every page shows."""

    open_alerts: int = 0
    still_central: StillCentral | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The person, their workspace and the menu entry of the page."""

    user_name: str
    user_email: str
    workspace_id: str
    workspace_name: str
    workspaces: tuple[WorkspaceChoice, ...]
    role: str
    permissions: frozenset[str]
    csrf_token: str
    section: str
    """The key of a menu entry in SECTIONS."""
    open_alerts: int = 0
    still_central: StillCentral | None = None
    timezone: str = "UTC"
    """The workspace's, an IANA name: times are shown on this clock."""

    def may(self, permission: str) -> bool:
        """Say whether to show what needs this permission. The service asks again; this only keeps dead buttons off the page."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the menu."""

    key: str
    label: str
    address: str
    icon: str
    permission: str


SECTIONS: Final = (
    Section("home", "Home", "/", icon="home", permission="workspace:read"),
    Section("campaigns", "Campaigns", "/campaigns", icon="speakerphone", permission="campaigns:read"),
    Section("messages", "Messages", "/messages", icon="messages", permission="messages:read"),
    Section("contacts", "Contacts", "/contacts", icon="users", permission="contacts:read"),
    Section("groups", "Groups", "/groups", icon="users-group", permission="contacts:read"),
    Section("imports", "Imports", "/imports", icon="file-import", permission="contacts:read"),
    Section("channels", "Channels", "/channels", icon="antenna-bars-5", permission="channels:read"),
    Section("routes", "Routes", "/routes", icon="route", permission="channels:read"),
    Section("my_channels", "My channels", "/my-channels", icon="user", permission="channels:own"),
    Section("sandbox", "Sandbox phone", "/sandbox", icon="device-mobile", permission="messages:read"),
)
SETTINGS: Final = (
    Section("members", "Members", "/settings/members", icon="user-shield", permission="members:read"),
    Section("api_keys", "API keys", "/settings/api-keys", icon="key", permission="api_keys:write"),
    Section("audit", "Audit log", "/settings/audit-log", icon="history", permission="audit:read"),
    Section("workspace", "Workspace", "/settings/workspace", icon="building", permission="workspace:read"),
)

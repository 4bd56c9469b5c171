"""Who may do what: the one table of permissions."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """One kind of act. API keys carry some of these as scopes; roles stand for sets of them."""

    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_SEND = "messages:send"
    MEDIA_READ = "media:read"
    MEDIA_WRITE = "media:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    CHANNELS_OWN = "channels:own"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    API_KEYS_WRITE = "api_keys:write"
    AUDIT_READ = "audit:read"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"


class Role(StrEnum):
    """A member's place in a workspace."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"


_VIEWER = frozenset(
    {
        Permission.CONTACTS_READ,
        Permission.CAMPAIGNS_READ,
        Permission.MESSAGES_READ,
        Permission.MEDIA_READ,
        Permission.CHANNELS_READ,
        Permission.WORKSPACE_READ,
    }
)
_AGENT = _VIEWER | {Permission.CONTACTS_WRITE, Permission.MESSAGES_SEND, Permission.MEDIA_WRITE, Permission.CHANNELS_OWN}
_ADMIN = frozenset(Permission) - {Permission.WORKSPACE_WRITE}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _ADMIN,
    Role.AGENT: _AGENT,
    Role.VIEWER: _VIEWER,
}


def may_hand_out(permissions: frozenset[Permission], role: Role) -> bool:
    """Say whether somebody with these permissions may give this role to a person, or take it: it must not do more than they may."""
    return PERMISSIONS[role] <= permissions

"""What may be done with workspaces, people and keys; the door of this feature for all others."""

from __future__ import annotations

from tidings.workspaces.api_keys import NewApiKey, create_api_key, list_api_keys, revoke_api_key
from tidings.workspaces.audit_log import AuditFilter, list_audit_log
from tidings.workspaces.invitations import accept_invitation, find_invitation, invite, list_invitations, withdraw_invitation
from tidings.workspaces.members import change_role, create_member, get_member, join, list_members, remove_member
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.users import change_password, create_user, find_user
from tidings.workspaces.workspace import change_workspace, create_workspace, get_workspace
from tidings.workspaces.workspace_rules import WorkspaceChanges

__all__ = [
    "AuditFilter",
    "NewApiKey",
    "WorkspaceChanges",
    "accept_invitation",
    "change_password",
    "change_role",
    "change_workspace",
    "create_api_key",
    "create_member",
    "create_user",
    "create_workspace",
    "find_invitation",
    "find_user",
    "get_member",
    "get_workspace",
    "invite",
    "join",
    "limit",
    "list_api_keys",
    "list_audit_log",
    "list_invitations",
    "list_members",
    "remove_member",
    "revoke_api_key",
    "withdraw_invitation",
]

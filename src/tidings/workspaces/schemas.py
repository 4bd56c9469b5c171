"""Workspaces, people, keys and the audit log as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.core.ids import PREFIXES, show_id
from tidings.workspaces.members import MemberRow
from tidings.workspaces.models import ApiKey, AuditEntry, Invitation, Workspace
from tidings.workspaces.passwords import MAX_LENGTH, MIN_LENGTH
from tidings.workspaces.rules import Permission, Role
from tidings.workspaces.wire import Id, Moment, Name, PlainText
from tidings.workspaces.workspace_rules import WorkspaceChanges

WorkspaceId = Annotated[UUID, Id("wrk")]
UserId = Annotated[UUID, Id("usr")]
KeyId = Annotated[UUID, Id("key")]
InvitationId = Annotated[UUID, Id("inv")]
Email = Annotated[PlainText, Field(max_length=254, examples=["ada@example.com"])]
NewPassword = Annotated[PlainText, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH, examples=["a sentence is best"])]
RoleField = Annotated[
    Role, Field(description="owner: everything; admin: all but the workspace itself; agent: contacts and sending; viewer: reads.")
]

ProviderKind = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,49}$")]

_PREFIX_OF_KIND = {name.lower().replace(" ", "_"): prefix for prefix, name in PREFIXES.items()}


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SettingsInput(_Input):
    """When a message that failed for a passing reason is tried again, and how many channels send at once."""

    retry_minutes: list[Annotated[float, Field(ge=0, le=1440)]] | None = Field(
        None, min_length=1, max_length=10, description="Minutes before each further try; the last one repeats.", examples=[[5, 10, 15]]
    )
    max_attempts: int | None = Field(None, ge=1, le=20, description="Tries in all.", examples=[3])
    senders_at_once: dict[ProviderKind, Annotated[int, Field(ge=1, le=100_000)] | None] | None = Field(
        None, max_length=100, examples=[{"whatsapp_linked": 50}],
        description="By provider: so many channels of this workspace may send at the same moment; null for any number. Replaces what was "
        "set before; a provider that is left out has its own limit (`GET /providers`).",
    )  # fmt: skip

    def given(self) -> dict[str, Any]:
        """What is to change: null leaves as it is, but within `senders_at_once` it says something."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class WorkspaceInput(_Input):
    """What to change of the workspace; what is left out stays."""

    name: Name | None = None
    timezone: PlainText | None = Field(None, max_length=100, examples=["Africa/Nairobi"])
    default_region: PlainText | None = Field(
        None, max_length=2, examples=["KE"], description="The country whose way of writing phone numbers is understood without a +."
    )
    default_locale: PlainText | None = Field(None, max_length=35, examples=["en"])
    settings: SettingsInput | None = None

    def changes(self) -> WorkspaceChanges:
        """As the service wants it."""
        settings = self.settings.given() if self.settings else None
        return WorkspaceChanges(**self.model_dump(exclude={"settings"}), settings=settings)


class WorkspaceOutput(BaseModel):
    """The workspace of this key or token."""

    id: WorkspaceId
    name: str
    timezone: str
    default_region: str
    default_locale: str
    settings: dict[str, Any] = Field(examples=[{"retry_minutes": [5, 10, 15], "max_attempts": 3}])
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, workspace: Workspace) -> WorkspaceOutput:
        """Show it."""
        return cls.model_validate(workspace, from_attributes=True)


class MemberInput(_Input):
    """A new person with a first password, which they should change."""

    email: Email
    name: Name
    password: NewPassword
    role: RoleField


class RoleInput(_Input):
    """A member's new role."""

    role: RoleField


class MemberOutput(BaseModel):
    """A person in this workspace."""

    user_id: UserId
    email: str
    name: str
    role: Role
    joined_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, member: MemberRow) -> MemberOutput:
        """Show them."""
        return cls.model_validate(member, from_attributes=True)


class MemberList(BaseModel):
    """Everybody in the workspace."""

    items: list[MemberOutput]


class InvitationInput(_Input):
    """Whom to invite, as what."""

    email: Email
    role: RoleField


class InvitationOutput(BaseModel):
    """A link that still works."""

    id: InvitationId
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> InvitationOutput:
        """Show it."""
        return cls.model_validate(invitation, from_attributes=True)


class NewInvitationOutput(InvitationOutput):
    """An invitation just made."""

    url: str = Field(description="Send it to the person. It is shown only this once.")


class InvitationList(BaseModel):
    """The links that still work."""

    items: list[InvitationOutput]


class ApiKeyInput(_Input):
    """A new key."""

    name: Name = Field(examples=["Web shop"])
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))] = Field(
        examples=[["messages:send", "contacts:write"]], description="What it may do: at most what you may."
    )
    expires_at: Moment | None = Field(None, description="When it stops working; null for never.")


class ApiKeyOutput(BaseModel):
    """A key, without its secret."""

    id: KeyId
    name: str
    hint: str = Field(examples=["tdk_…x7Qa"], description="How it begins and ends, to tell keys apart.")
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyOutput:
        """Show it."""
        return cls.model_validate(key, from_attributes=True)


class NewApiKeyOutput(ApiKeyOutput):
    """A key just made."""

    secret: str = Field(examples=["tdk_…"], description="What you send as `Authorization: Bearer …`. It is shown only this once.")


class ApiKeyList(BaseModel):
    """Every key, the newest first."""

    items: list[ApiKeyOutput]


class Credentials(_Input):
    """Who signs in, and into which workspace."""

    email: Annotated[PlainText, Field(max_length=254, examples=["ada@example.com"])]
    password: Annotated[PlainText, Field(max_length=MAX_LENGTH, examples=["a sentence is best"])]
    workspace: WorkspaceId | None = Field(None, description="Needed only by who is a member of several; else the one joined first.")


class RefreshInput(_Input):
    """A refresh token."""

    refresh_token: Annotated[PlainText, Field(max_length=200, examples=["tdr_…"])]


class WorkspaceName(BaseModel):
    """A workspace that the person may sign in to."""

    id: WorkspaceId
    name: str


class TokenOutput(BaseModel):
    """A pair of tokens."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # not a secret
    expires_in: int = Field(examples=[900], description="Seconds until the access token is worth nothing.")
    refresh_token: str = Field(description="Buys the next pair, once. Using it twice ends the sign-in.")
    workspace: WorkspaceId


class SignInOutput(TokenOutput):
    """A pair of tokens, and where else the person may go."""

    workspaces: list[WorkspaceName]


class Actor(BaseModel):
    """Who did it."""

    kind: Literal["user", "api_key", "system"]
    id: str | None
    label: str = Field(examples=["ada@example.com"])


class AuditObject(BaseModel):
    """What it was done to."""

    kind: str = Field(examples=["campaign"])
    id: str | None


class AuditOutput(BaseModel):
    """One change."""

    id: Annotated[UUID, Id("aud")]
    at: datetime
    actor: Actor
    action: str = Field(examples=["campaign.paused"])
    object: AuditObject
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    ip: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditOutput:
        """Show it."""
        actor = Actor.model_validate(
            {"kind": entry.actor_kind, "id": show_kind(entry.actor_kind, entry.actor_id), "label": entry.actor_label}
        )
        return cls(
            id=entry.id,
            at=entry.at,
            actor=actor,
            action=entry.action,
            object=AuditObject(kind=entry.object_kind, id=show_kind(entry.object_kind, entry.object_id)),
            before=entry.before,
            after=entry.after,
            ip=entry.ip,
        )


def show_kind(kind: str, value: UUID | None) -> str | None:
    """The outside id of a thing of this kind."""
    if value is None:
        return None
    prefix = _PREFIX_OF_KIND.get(kind)
    return show_id(prefix, value) if prefix else str(value)

"""Groups as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.contacts.groups.models import Group
from tidings.contacts.groups.service import AT_ONCE
from tidings.workspaces.wire import Id, Name, Page, PlainText

GroupId = Annotated[UUID, Id("grp")]
ContactId = Annotated[UUID, Id("con")]
Description = Annotated[PlainText, Field(max_length=2000, examples=["Bought something this year"])]


class GroupInput(BaseModel):
    """A new group."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Customers", "description": "Bought something this year"}]}
    )

    name: Name
    description: Description = ""


class GroupChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Loyal customers"}]})

    name: Name | None = None
    description: Description | None = None


class GroupOutput(BaseModel):
    """A list of contacts kept by hand."""

    id: GroupId
    name: str = Field(examples=["Customers"])
    description: str
    contact_count: int = Field(examples=[250])
    created_by: str = Field(examples=["amina@example.com"])
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, group: Group) -> GroupOutput:
        return cls(
            id=group.id,
            name=group.name,
            description=group.description,
            contact_count=group.contact_count,
            created_by=group.created_by,
            created_at=group.created_at,
            updated_at=group.updated_at,
        )


class GroupPage(Page[GroupOutput]):
    """A page of groups."""


class MembersInput(BaseModel):
    """Contacts to add or to take out."""

    model_config = ConfigDict(extra="forbid")

    contacts: list[ContactId] = Field(min_length=1, max_length=AT_ONCE)


class MembersOutput(BaseModel):
    """How many were added or taken out, and how many are there now."""

    changed: int = Field(description="Those that were not there before, or were.")
    contact_count: int

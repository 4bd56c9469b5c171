"""Contacts as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from tidings.contacts.models import Address, Contact, NewContact
from tidings.contacts.service import Changes, Made
from tidings.core.ids import show_id
from tidings.workspaces.wire import Id, Page, PlainText

ContactId = Annotated[UUID, Id("con")]
PointId = Annotated[UUID, Id("pnt")]
GroupId = Annotated[UUID, Id("grp")]
Medium = Literal["sms", "whatsapp", "telegram", "email", "chat"]
NameText = Annotated[PlainText, Field(max_length=200, examples=["Amina Hassan"])]
PhoneText = Annotated[
    PlainText,
    Field(
        min_length=1,
        max_length=60,
        description="As people write it; read with the habits of the workspace's country where it names none itself.",
        examples=["0712 345 678", "+254712345678"],
    ),
]
Attributes = Annotated[
    dict[str, Any],
    Field(
        description="What templates may speak of, 50 entries and 16 KiB at most. Names are letters, digits and underscores.",
        examples=[{"city": "Nairobi", "balance": 1250}],
    ),
]
Locale = Annotated[PlainText, Field(max_length=35, description="A language tag.", examples=["sw"])]
Timezone = Annotated[PlainText, Field(max_length=60, description="An IANA timezone.", examples=["Africa/Nairobi"])]


class AddressInput(BaseModel):
    """One way to reach a contact."""

    model_config = ConfigDict(extra="forbid")

    medium: Medium = Field(examples=["email"])
    address: Annotated[PlainText, Field(min_length=1, max_length=320, examples=["amina@example.com"])]

    def given(self) -> Address:
        return Address(medium=self.medium, address=self.address)


class ContactInput(BaseModel):
    """A new contact. It needs a phone or another address."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Amina Hassan", "phone": "0712 345 678", "attributes": {"city": "Nairobi"}}]},
    )

    name: NameText = ""
    phone: PhoneText | None = None
    points: list[AddressInput] = Field([], max_length=20, description="Further addresses.")
    locale: Locale | None = None
    timezone: Timezone | None = Field(None, description="An IANA timezone; guessed from the number when it is not given.")
    attributes: Attributes = {}

    def wanted(self) -> NewContact:
        phones = (Address(medium="sms", address=self.phone),) if self.phone is not None else ()
        return NewContact(
            name=self.name,
            addresses=(*phones, *(one.given() for one in self.points)),
            locale=self.locale,
            timezone=self.timezone,
            attributes=self.attributes,
        )


class ContactChange(BaseModel):
    """What is to be different. What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Amina Juma", "attributes": {"city": "Mombasa", "balance": None}}]}
    )

    name: NameText | None = None
    phone: PhoneText | None = None
    locale: Locale | None = Field(None, description="null clears it.")
    timezone: Timezone | None = Field(None, description="null clears it.")
    attributes: Attributes | None = Field(None, description="Merged into what is there; an entry that is null is taken away.")

    def wanted(self) -> Changes:
        given = self.model_fields_set
        return Changes(
            name=self.name,
            phone=self.phone,
            locale=self.locale if "locale" in given else msgspec.UNSET,
            timezone=self.timezone if "timezone" in given else msgspec.UNSET,
            attributes=self.attributes,
        )


class PointOutput(BaseModel):
    """One address of a contact."""

    id: PointId
    medium: str = Field(examples=["sms"])
    address: str = Field(examples=["+254712345678"])
    opted_out_at: datetime | None = Field(description="Since when nothing is sent to it.")
    opt_out_source: str | None = Field(examples=["keyword"], description="`keyword`, `provider`, `api`, `dashboard` or `import`.")


class GroupRef(BaseModel):
    """A group by id and name."""

    id: GroupId
    name: str = Field(examples=["Customers"])


class ContactOutput(BaseModel):
    """A person the workspace may reach."""

    id: ContactId
    name: str = Field(examples=["Amina Hassan"])
    phone: str | None = Field(examples=["+254712345678"], description="The first phone number, in E.164.")
    points: list[PointOutput]
    opted_out: bool = Field(description="Whether at least one of the addresses must not be written to.")
    locale: str | None = Field(examples=["sw"])
    timezone: str | None = Field(examples=["Africa/Nairobi"])
    attributes: Attributes
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, contact: Contact) -> ContactOutput:
        return cls.model_validate(_shown(contact))


class ContactDetail(ContactOutput):
    """A contact with the groups it is in."""

    groups: list[GroupRef]

    @classmethod
    def with_groups(cls, contact: Contact, groups: list[tuple[UUID, str]]) -> ContactDetail:
        return cls.model_validate(_shown(contact) | {"groups": [{"id": group_id, "name": name} for group_id, name in groups]})


class ContactPage(Page[ContactOutput]):
    """A page of contacts."""


class BulkContactsInput(BaseModel):
    """Many contacts at once."""

    model_config = ConfigDict(extra="forbid")

    contacts: list[ContactInput] = Field(min_length=1, max_length=1000)


class BulkVerdict(BaseModel):
    """What became of one of them."""

    index: int = Field(description="Its place in the request, from 0.")
    id: ContactId | None = Field(None, description="The new contact; null when there is none.")
    code: str | None = Field(None, examples=["contact_exists"], description="Why there is none; made for programs.")
    error: str | None = Field(None, examples=["The contact Amina (con_…) has +254712345678 already. Nothing was changed."])


class BulkOutput(BaseModel):
    """What became of each, in the order of the request."""

    created: int
    refused: int
    results: list[BulkVerdict]

    @classmethod
    def of(cls, made: list[Made]) -> BulkOutput:
        results = [
            BulkVerdict(
                index=index,
                id=one.contact_id,
                code=one.error.code if one.error else None,
                error=one.error.detail if one.error else None,
            )
            for index, one in enumerate(made)
        ]
        created = sum(one.contact_id is not None for one in made)
        return cls(created=created, refused=len(made) - created, results=results)


class OptOutInput(BaseModel):
    """What to stop."""

    model_config = ConfigDict(extra="forbid")

    medium: Medium | None = Field(None, description="Only this medium; null for every address of the contact.")
    reason: Annotated[PlainText, Field(max_length=500, examples=["asked by phone"])] = ""


def _shown(contact: Contact) -> dict[str, Any]:
    return {
        "id": show_id("con", contact.id),
        "name": contact.name,
        "phone": contact.phone,
        "points": [
            {
                "id": show_id("pnt", point.id),
                "medium": point.medium,
                "address": point.address,
                "opted_out_at": point.opted_out_at,
                "opt_out_source": point.opt_out_source,
            }
            for point in contact.points
        ],
        "opted_out": contact.opted_out,
        "locale": contact.locale,
        "timezone": contact.timezone,
        "attributes": contact.attributes,
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }

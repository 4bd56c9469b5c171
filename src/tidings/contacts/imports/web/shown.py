"""Imports as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Request

from tidings.contacts.imports.models import Import, ImportStatus, Verdict
from tidings.contacts.imports.service import Limits
from tidings.core.ids import show_id
from tidings.workspaces.wire import PathId

if TYPE_CHECKING:
    from tidings.settings import Settings

ImportPath = Annotated[UUID, PathId("imp")]
ROLES = (
    ("", "Leave out"), ("name", "Name"), ("phone", "Phone number"), ("locale", "Language"), ("timezone", "Timezone"),
    ("attribute", "Keep as an attribute"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet and what it is taken for."""

    letter: str
    header: str
    samples: list[str]
    role: str
    key: str
    """The attribute's name, where it is one; otherwise one that would do."""


@dataclass(frozen=True, slots=True)
class ShownImport:
    """One import with what follows from its numbers."""

    found: Import

    @property
    def id(self) -> str:
        return show_id("imp", self.found.id)

    @property
    def address(self) -> str:
        return f"/imports/{self.id}"

    @property
    def group(self) -> str:
        """The public id of the group that the contacts go to; empty where there is none yet."""
        return show_id("grp", self.found.group_id) if self.found.group_id else ""

    @property
    def is_ready(self) -> bool:
        return self.found.status is ImportStatus.READY

    @property
    def is_running(self) -> bool:
        return self.found.status is ImportStatus.IMPORTING

    @property
    def usable(self) -> int:
        """Rows that become contacts or join the group."""
        return self.found.valid_count + (self.found.existing_count if self.found.group_name else 0)

    @property
    def to_do(self) -> int:
        """Rows that the second step goes through."""
        return self.found.valid_count + self.found.existing_count

    @property
    def gone_through(self) -> int:
        """How many of them it has: duplicates within the file count as skipped from the start."""
        return max(0, self.found.created_count + self.found.skipped_count - self.found.duplicate_count)

    @property
    def known_before(self) -> int:
        """Of those that are over: rows whose number was a contact already."""
        return max(0, self.found.skipped_count - self.found.duplicate_count)

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        """The verdicts as parts of one bar."""
        found = self.found
        if found.status in {ImportStatus.DONE, ImportStatus.IMPORTING}:
            counts = (("created", found.created_count), ("skipped", self.known_before))
        else:
            counts = (("valid", found.valid_count), ("existing", found.existing_count))
        rest = (("duplicate_in_file", found.duplicate_count), ("invalid", found.error_count))
        return [("import", word, count) for word, count in (*counts, *rest)]

    @property
    def columns(self) -> list[Column]:
        """The sheet's columns, each with its part in the mapping."""
        mapping = self.found.mapping
        names = mapping.get("name") or []
        attributes = {letter: key for key, letter in mapping.get("attributes", {}).items()}
        roles = dict.fromkeys(attributes, "attribute") | {
            mapping[role]: role for role in ("phone", "locale", "timezone") if mapping.get(role)
        }
        roles |= dict.fromkeys([names] if isinstance(names, str) else names, "name")
        return [_column(one, roles.get(one["letter"], ""), attributes.get(one["letter"], "")) for one in self.found.columns]


def _column(column: dict[str, Any], role: str, key: str) -> Column:
    return Column(column["letter"], column["header"], column["samples"], role, key or attribute_key(column["header"] or column["letter"]))


def attribute_key(text: str) -> str:
    """A name that templates can speak, made of a header: `Town (new)` is town_new."""
    key = "_".join("".join(character if character.isalnum() else " " for character in text.lower()).split())[:64]
    return key if key[:1].isalpha() else f"column_{key}" if key else "column"


def wanted_verdict(text: str) -> Verdict | None:
    """The verdict that a list is narrowed to; None for all rows."""
    return Verdict(text) if text in set(Verdict) else None


def limits_of(request: Request) -> Limits:
    """What the operator allows."""
    settings: Settings = request.app.state.settings
    return Limits(upload_bytes=settings.upload_limit_bytes, rows=settings.import_row_limit)

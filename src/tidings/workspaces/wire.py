"""What every JSON edge has in common: ids, moments, texts, pages and problems as they go over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema

from tidings.core.ids import PREFIXES, read_id, show_id
from tidings.errors import NotFound

T = TypeVar("T")
_EXAMPLE = UUID("01939f3e-5b7a-7c11-9d3e-4a5b6c7d8e9f")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Id:
    """Marks a UUID that is `prefix_…` outside: `Annotated[UUID, Id("msg")]`. A malformed one in a body is a 422."""

    prefix: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(
            lambda value: show_id(self.prefix, value), return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_plain_validator_function(self._read, serialization=shown)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": f"^{self.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$",
            "examples": [show_id(self.prefix, _EXAMPLE)],
        }

    def _read(self, value: Any) -> UUID:
        if isinstance(value, UUID):
            return value
        found = read_id(self.prefix, value) if isinstance(value, str) else None
        if found is None:
            self._refuse()
            raise ValueError(f"This is not the id of a {PREFIXES[self.prefix]}, which looks like {show_id(self.prefix, _EXAMPLE)}")
        return found

    def _refuse(self) -> None:
        """For those that refuse in a way of their own."""


@dataclass(frozen=True, slots=True)
class PathId(Id):
    """The same in a path, where a malformed one is as unknown as any other: a 404."""

    def _refuse(self) -> None:
        raise NotFound(f"There is no such {PREFIXES[self.prefix]} in this workspace.")


def _writable(value: str) -> str:
    """PostgreSQL keeps neither the NUL character nor half a surrogate pair."""
    if "\0" in value or (not value.isprintable() and any("\ud800" <= one <= "\udfff" for one in value)):
        raise ValueError("It holds characters that are not text")
    return value


def _in_range(value: datetime) -> datetime:
    if not _EARLIEST <= value < _LATEST:
        raise ValueError("It must lie between the years 2000 and 2100")
    return value.astimezone(UTC)


PlainText = Annotated[str, AfterValidator(_writable)]
"""Text that can be kept."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_writable)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
"""A moment with its offset from UTC (RFC 3339)."""
Limit = Annotated[int, Query(ge=1, le=200, description="How many to give at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before; leave it out for the first page.")]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class Money(BaseModel):
    """An amount as an exact decimal."""

    amount: str = Field(examples=["0.0079"])
    currency: str = Field(examples=["USD"], description="ISO 4217, or `credits` where a provider sells its own unit.")

    @classmethod
    def of(cls, micros: int | None, currency: str | None) -> Money | None:
        """From millionths; None when it is not known."""
        if micros is None or not currency:
            return None
        sign, (whole, rest) = "-" if micros < 0 else "", divmod(abs(micros), 1_000_000)
        return cls(amount=f"{sign}{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}", currency=currency)


class Problem(BaseModel):
    """What went wrong (RFC 9457), told so that the reader knows what to do next."""

    model_config = ConfigDict(extra="allow")

    title: str
    status: int
    code: str = Field(description="Stable; made for programs.")
    detail: str = Field(description="Made for people.")
    errors: list[dict[str, str]] = Field(default=[], description="`field` and `message` of each field that is wrong.")


_MEANINGS = {
    401: "No valid API key or access token came with the request.",
    403: "The key or the member may not do this.",
    404: "It does not exist in this workspace.",
    409: "Not now: the state of things does not allow it. Nothing was changed.",
    413: "Too large. Nothing was changed.",
    422: "Some of the input is missing or malformed. Nothing was changed.",
    429: "Too many requests; `Retry-After` says when to come again. Nothing was changed.",
    503: "A part that is needed does not answer.",
}


def problems(*status_codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an endpoint, for its documentation. 401, 403 and 422 go without saying."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"model": Problem, "description": _MEANINGS[code], "content": content} for code in (401, 403, 422, *status_codes)}

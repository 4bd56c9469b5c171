"""Turns claimed messages into requests to make: rendered, grouped as the provider can carry them, each with its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec

from tidings.core.ids import show_id
from tidings.delivery.content import Content, fitted, misfit, outgoing, read_content, rendered, uploads
from tidings.delivery.contents import Frozen
from tidings.delivery.queries import Claimed
from tidings.delivery.rules import Settlement, Status
from tidings.providers.base import Capabilities, ErrorCode, Outgoing
from tidings.templates.rendering import CannotRender, read_text, render


class Parcel(msgspec.Struct, frozen=True):
    """One request to make."""

    claimed: Sequence[Claimed]
    batch: Sequence[Outgoing]
    not_before: float
    """Its time by the channel's pace, in monotonic seconds."""
    not_after: float
    """When the claim has grown too old to begin a request on it, in monotonic seconds."""
    uploads: Mapping[str, Content] = {}  # msgspec gives each its own
    """By message, the contents that name uploaded files, which are yet to be added (delivery/files.py)."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Parcels, and the messages that could not be made into one."""

    parcels: list[Parcel]
    failed: list[tuple[Claimed, Settlement]]


_Ready = tuple[Claimed, Outgoing, float]


def pack(  # noqa: PLR0917
    claimed: Sequence[Claimed],
    frozen: Mapping[UUID, Frozen],
    can: Capabilities,
    slot: Callable[[int], float],
    not_after: float,
    links: bool = True,  # noqa: FBT001, FBT002
) -> Packed:
    """`frozen` are the contents of campaigns by source; `slot` gives the monotonic time of the n-th message.

    `links` says whether a provider can fetch uploaded files from this installation.
    """
    ready: list[_Ready] = []
    named: dict[str, Content] = {}
    failed: list[tuple[Claimed, Settlement]] = []
    for index, one in enumerate(claimed):
        try:
            made, content = _outgoing(one, frozen, can, links=links)
        except CannotRender as error:
            failed.append((one, _final(ErrorCode.REJECTED_CONTENT, error.detail)))
        except CannotCarry as error:
            failed.append((one, _final(ErrorCode.UNSUPPORTED, str(error))))
        else:
            ready.append((one, made, slot(index)))
            if content is not None and any(uploads(content)):
                named[made.id] = content
    if can.max_batch == 1:
        return Packed([Parcel((one,), (made,), at, not_after, _of(named, made)) for one, made, at in ready], failed)
    parcels = [
        Parcel(
            [one for one, _, _ in group],
            [made for _, made, _ in group],
            group[-1][2],
            not_after,
            _of(named, *(made for _, made, _ in group)),
        )
        for group in _group(ready, can)
    ]
    return Packed(parcels, failed)


_NONE: Mapping[str, Content] = {}


def _of(named: Mapping[str, Content], *batch: Outgoing) -> Mapping[str, Content]:
    """Of most channels, nothing, which must cost nothing."""
    return {one.id: named[one.id] for one in batch if one.id in named} if named else _NONE


class CannotCarry(Exception):
    """The channel, as it is now, cannot carry the message's content."""


def _final(code: ErrorCode, detail: str) -> Settlement:
    return Settlement(status=Status.FAILED, outcome="not_sent", code=code, detail=detail)


def _outgoing(one: Claimed, frozen: Mapping[UUID, Frozen], can: Capabilities, *, links: bool) -> tuple[Outgoing, Content | None]:
    if one.text is not None:
        if one.content is None:
            return Outgoing(id=show_id("msg", one.id), to=one.address, text=one.text), None
        return _with_content(one, one.text, read_content(one.content), can, links=links)
    source = frozen[one.source_id]
    text = _fill_in(source.text, one)
    if source.content is None:
        return Outgoing(id=show_id("msg", one.id), to=one.address, text=text), None
    return _with_content(one, text, rendered(source.content, lambda template: _fill_in(template, one)), can, links=links)


def _with_content(one: Claimed, text: str, content: Content, can: Capabilities, *, links: bool) -> tuple[Outgoing, Content]:
    content = fitted(content, text, can)  # what names a channel was refused with its template; what goes by a route may end up here
    reason = misfit(content, text, can, links=links)
    if reason is not None:
        raise CannotCarry(f"The channel {reason}.")
    return outgoing(show_id("msg", one.id), one.address, text, content), content


def _fill_in(template: str, one: Claimed) -> str:
    if one.variables is None and not read_text(template).names:
        return _same_for_all(template)
    return render(template, one.variables or {})


@lru_cache(maxsize=256)
def _same_for_all(template: str) -> str:
    return render(template, {})


def _group(ready: list[_Ready], can: Capabilities) -> list[list[_Ready]]:
    groups: dict[str, list[list[_Ready]]] = {}
    for one in ready:
        same = groups.setdefault(one[1].text if can.batch_needs_same_text else "", [[]])
        if len(same[-1]) >= can.max_batch:
            same.append([])
        same[-1].append(one)
    return [group for same in groups.values() for group in same]

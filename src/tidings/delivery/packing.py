"""Turns claimed messages into requests to make: rendered, grouped as the provider can carry them, each with its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec

from tidings.core.ids import show_id
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


@dataclass(frozen=True, slots=True)
class Packed:
    """Parcels, and the messages that could not be made into one."""

    parcels: list[Parcel]
    failed: list[tuple[Claimed, Settlement]]


_Ready = tuple[Claimed, Outgoing, float]


def pack(
    claimed: Sequence[Claimed], texts: Mapping[UUID, str], can: Capabilities, slot: Callable[[int], float], not_after: float
) -> Packed:
    """`texts` are the frozen texts by source; `slot` gives the monotonic time of the n-th message."""
    ready: list[_Ready] = []
    failed: list[tuple[Claimed, Settlement]] = []
    for index, one in enumerate(claimed):
        try:
            text = one.text if one.text is not None else _fill_in(texts[one.source_id], one)
        except CannotRender as error:
            settlement = Settlement(status=Status.FAILED, outcome="not_sent", code=ErrorCode.REJECTED_CONTENT, detail=error.detail)
            failed.append((one, settlement))
        else:
            ready.append((one, Outgoing(id=show_id("msg", one.id), to=one.address, text=text), slot(index)))
    if can.max_batch == 1:
        return Packed([Parcel((one,), (outgoing,), at, not_after) for one, outgoing, at in ready], failed)
    parcels = [
        Parcel([one for one, _, _ in group], [outgoing for _, outgoing, _ in group], group[-1][2], not_after)
        for group in _group(ready, can)
    ]
    return Packed(parcels, failed)


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

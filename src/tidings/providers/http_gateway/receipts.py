"""What a gateway posts to a channel's hook, read by what the channel's settings say of it.

Nothing is signed, so the hook's secret path is what proves the caller. The call may be JSON, a form, or a GET with a query.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tidings.providers.base import Callback, ErrorCode, HookAnswer, HookRefused, HookRequest, Inbound, Receipt
from tidings.providers.http_gateway.answers import LONGEST_ID, at, find, listed, mapped, word

STATUSES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}
MOST_FIELDS = 200
MOST_ITEMS = 1_000


def read_hook(settings: Mapping[str, str], request: HookRequest) -> HookAnswer:
    """Say what the call holds."""
    try:
        query = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        tree = _body(request)
        found = tree if not settings.get("hook_items_path") else at(settings["hook_items_path"], tree)
        items = found if isinstance(found, list) else [found]
        if len(items) > MOST_ITEMS:
            raise HookRefused(f"The call has more than {MOST_ITEMS} items.", status_code=400)
        callbacks = [_callback(settings, _Item(item, query)) for item in items]
    except (ValueError, RecursionError):  # an odd address, text that no encoding holds, JSON that is none
        raise HookRefused("The call cannot be read.", status_code=400) from None
    return HookAnswer(callbacks=[one for one in callbacks if one is not None])


class _Item:
    """One report of a call. What it does not have itself may stand in the address's query, as with `…?ref={{id}}`."""

    def __init__(self, tree: Any, query: Mapping[str, str]) -> None:
        self._tree = tree
        self._query = query

    def at(self, path: str | None) -> str | None:
        return (find(path, self._tree) or word(self._query.get(path))) if path else None

    @property
    def fingerprint(self) -> str:
        """The same for the same report: knows a message again that comes without an id."""
        return hashlib.sha256(msgspec.json.encode([self._tree, self._query], order="sorted")).hexdigest()[:32]


def _body(request: HookRequest) -> Any:
    body = request.body.strip()
    if not body:
        return {}
    if "json" in request.headers.get("content-type", "").lower() or body[:1] in b"{[":
        return msgspec.json.decode(body)
    return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS))


def _callback(settings: Mapping[str, str], item: _Item) -> Callback | None:
    """None for a report of another kind, where the settings tell the kinds apart."""
    kind_path = settings.get("hook_kind_path")
    if kind_path:
        kind = item.at(kind_path)
        if kind is None:
            raise HookRefused(f"There is nothing at “{kind_path}”.", status_code=400)
        if kind.casefold() in listed(settings.get("receipt_kinds", "")):
            return _receipt(settings, item)
        return _inbound(settings, item) if kind.casefold() in listed(settings.get("inbound_kinds", "")) else None
    if item.at(settings.get("receipt_status_path")) and _ids(settings, item) != (None, None):
        return _receipt(settings, item)
    return _inbound(settings, item)


def _ids(settings: Mapping[str, str], item: _Item) -> tuple[str | None, str | None]:
    """Theirs and ours."""
    return item.at(settings.get("receipt_id_path")), item.at(settings.get("receipt_reference_path"))


def _receipt(settings: Mapping[str, str], item: _Item) -> Receipt:
    theirs, ours = _ids(settings, item)
    said = item.at(settings.get("receipt_status_path"))
    if said is None or (theirs or ours) is None:
        raise HookRefused("The report names no message, or no status.", status_code=400)
    status = STATUSES.get(mapped(settings.get("receipt_statuses", "")).get(said.casefold(), ""))
    if status is None:
        raise HookRefused(f"“{said[:60]}” is not among the statuses in the channel's settings.", status_code=400)
    error = item.at(settings.get("receipt_error_path"))
    code = mapped(settings.get("error_codes", "")).get((error or said).casefold())
    failed = status == "failed"
    return Receipt(
        provider_message_id=(theirs or ours or "")[:LONGEST_ID],
        status=status,
        provider_status=said[:100],
        reference=ours,
        code=(ErrorCode(code) if code else ErrorCode.UNREACHABLE) if failed else None,
        detail=(f"The gateway says: {said}" + (f", {error}" if error else ""))[:300] if failed else None,
    )


def _inbound(settings: Mapping[str, str], item: _Item) -> Inbound:
    sender, text = item.at(settings.get("inbound_from_path")), item.at(settings.get("inbound_text_path"))
    if sender is None or text is None:
        raise HookRefused("This is neither a report on a message nor a message from a person.", status_code=400)
    return Inbound(
        provider_message_id=(item.at(settings.get("inbound_id_path")) or f"hook_{item.fingerprint}")[:LONGEST_ID],
        sender=_phone(sender) if settings.get("inbound_addresses", "phone") == "phone" else sender,
        recipient=item.at(settings.get("inbound_to_path")),
        text=text,
    )


def _phone(address: str) -> str:
    """`254711000123@c.us`, `+254 711 000123` and `254711000123` as E.164."""
    digits = re.sub(r"[\s().-]", "", address.partition("@")[0]).removeprefix("+").removeprefix("00")
    return f"+{digits}" if re.fullmatch(r"\d{7,15}", digits, re.ASCII) else address

"""The part of each guide in docs/channels that is made from the code: what a channel begins with, and what a person sees when it stops."""

from __future__ import annotations

from collections.abc import Iterator

from tidings.channels.web.shown import LINK_AGAIN, SPOKEN, what_to_do
from tidings.providers import PROVIDERS
from tidings.providers.base import Capabilities, Description, Limits, MediaRule
from tidings.ui.words import find_reason

_FREE = {"telegram", "discord", "slack", "email", "apprise", "whatsapp_linked"}
"""Where there is no account that could be empty."""


def guides() -> dict[str, str]:
    """By provider, what stands between the marks."""
    return {kind: _guide(each.description) for kind, each in PROVIDERS.items()}


def _guide(card: Description) -> str:
    limits = "\n".join(f"| {name} | {value} |" for name, value in (*_pace(card.limits), *_others(card), *_abilities(card.capabilities)))
    troubles = "\n".join(f"| {seen} | {means} | {to_do} |" for seen, means, to_do in _troubles(card))
    return (
        "What a new channel begins with. *Limits* in its form changes the pace and the caps; the rest is the service's own.\n\n"
        f"| | |\n| --- | --- |\n{limits}\n\n"
        "## When it stops working\n\n"
        "The bell at the top and *Home* tell of it once, and the channel's page until it is over. Messages wait meanwhile; none is lost.\n\n"
        f"| you see | it means | what to do |\n| --- | --- | --- |\n{troubles}"
    )


def _pace(limits: Limits) -> Iterator[tuple[str, str]]:
    yield "messages a second", "as fast as it goes" if limits.per_second is None else f"{limits.per_second:g}"
    yield "at once after a rest", f"{limits.burst:,}"
    yield "requests at a time", f"{limits.concurrency:,}"
    for rule in limits.per_recipient:
        yield f"to one {'group' if rule.groups else 'person or chat'}", f"{rule.count} in {rule.seconds:g} s"
    yield "in any 24 hours", "no cap" if limits.per_day is None else f"{limits.per_day:,} {limits.per_day_counts}"
    if limits.jitter_seconds:
        yield "random wait between two messages", f"up to {limits.jitter_seconds:g} s more"


def _others(card: Description) -> Iterator[tuple[str, str]]:
    can = card.capabilities
    if card.senders_at_once:
        yield "channels of a workspace that send at once", f"{card.senders_at_once:,}"
    if can.max_batch > 1:
        yield "messages in a request", f"{can.max_batch:,}{' of the same text' if can.batch_needs_same_text else ''}"
    yield "characters of a text", f"{can.max_characters:,}" if can.max_characters else "no limit of our own"
    if can.max_caption:
        yield "characters with a file", f"{can.max_caption:,}"
    yield "files", "; ".join(_media(kind, rule) for kind, rule in can.media.items()) or "none"
    if can.buttons:
        yield "buttons", f"{can.buttons}"


def _media(kind: str, rule: MediaRule) -> str:
    size = (
        f"{_megabytes(rule.max_bytes):g} MB"
        if rule.max_bytes >= 1_000_000
        else f"{rule.max_bytes // (1000 if rule.max_bytes % 1000 == 0 and rule.max_bytes % 1024 else 1024)} KB"
    )
    way = "" if rule.by_url and rule.by_upload else ", uploaded only" if rule.by_upload else ", by address only"
    return f"{kind} to {size}{way}"


def _megabytes(size: int) -> float:
    """Services count by 1,000 or by 1,024; whichever gives a round number was meant."""
    return size / 1024**2 if size % 1024**2 == 0 else size / 1_000_000


def _abilities(can: Capabilities) -> Iterator[tuple[str, str]]:
    yield "tells what was delivered", "yes, and what was read" if can.read_receipts else _yes(yes=can.receipts)
    yield "takes what people write", _yes(yes=can.inbound)
    yield "tells what the account has left", _yes(yes=can.balance)
    if can.templates:
        yield "approved templates", "yes"
    if can.window_hours:
        yield "free text", f"for {can.window_hours:g} hours after a person's last message"


def _yes(*, yes: bool) -> str:
    return "yes" if yes else "no"


def _troubles(card: Description) -> Iterator[tuple[str, str, str]]:
    """What stands on alerts and on the channel's page, in its own words."""
    can = card.capabilities
    for code in ("invalid_credentials", "insufficient_balance", "unhealthy", "credentials_sealed"):
        if code == "insufficient_balance" and card.kind in _FREE:
            continue
        word = find_reason(code)
        mend = LINK_AGAIN if code == "invalid_credentials" and can.sessions else what_to_do(code, card.label)
        yield f"**{word.label}**", word.meaning, mend
    name = SPOKEN.get(card.label, card.label)
    name = name[0].upper() + name[1:]
    yield "**Waiting, as the provider asked**", f"{name} said that it was too fast.", "Nothing: it goes on by itself."
    yield (
        "**The provider keeps failing**",
        f"{name} does not answer as it should.",
        "Nothing: single messages are tried until it does.",
    )
    if card.limits.per_day:
        yield (
            "**The limit of … in 24 hours is reached**",
            "The cap of the channel.",
            "Nothing, or raise it under Edit, *Limits*, if the service allows more.",
        )
    if (can.receipts or can.inbound) and not (can.sessions or can.polling) and card.kind != "sandbox":
        lost = "Receipts and replies cannot come in." if can.receipts else "What people write cannot come in."
        yield "**This server has no public address**", lost, "Whoever runs the server sets `TIDINGS_PUBLIC_URL`."

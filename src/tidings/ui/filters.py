"""How times, numbers, money and phone numbers are written on every page. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_timedelta
from babel.numbers import format_currency
from markupsafe import Markup

from tidings.core.addresses import LABELS

LOCALE = "en"
NOTHING = Markup('<span class="text-secondary">&ndash;</span>')


def ago(moment: datetime | None, *, now: datetime, timezone: str) -> Markup:
    """How long since (or until) a moment; the exact local and UTC times are one hover away."""
    if moment is None:
        return NOTHING
    return _time(moment, _distance(moment - now), timezone)


def exact(moment: datetime | None, *, timezone: str, seconds: bool = False) -> Markup:
    """A moment on the workspace's clock (`21 Nov 2026, 11:15`), with UTC on hover."""
    if moment is None:
        return NOTHING
    local = moment.astimezone(ZoneInfo(timezone))
    return _time(moment, f"{local.day} {local:%b %Y, %H:%M:%S}" if seconds else f"{local.day} {local:%b %Y, %H:%M}", timezone)


def _distance(delta: timedelta) -> str:
    if abs(delta) < timedelta(seconds=10):
        return "just now"
    return format_timedelta(delta, add_direction=True, format="short", locale=LOCALE, threshold=1).replace(".", "")


def _time(moment: datetime, text: str, timezone: str) -> Markup:
    local = moment.astimezone(ZoneInfo(timezone))
    utc = moment.astimezone(UTC)
    title = f"{local.day} {local:%b %Y, %H:%M:%S} {timezone} · {utc.day} {utc:%b %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(timespec="seconds"), title, text)


def number(value: float | None) -> str | Markup:
    """1234567 as 1,234,567."""
    return NOTHING if value is None else f"{value:,}"


def percent(part: float | None, whole: float | None = None) -> str | Markup:
    """A share: `0.482|percent` or `12|percent(25)`. Never rounds a rest away: 99.97 % is not 100 %."""
    if part is None or whole == 0:
        return NOTHING
    share = (part if whole is None else part / whole) * 100
    if 99.9 <= share < 100:
        return ">99.9%"
    if 0 < share < 0.1:
        return "<0.1%"
    return f"{share:.0f}%" if share in {0, 100} or (share >= 10 and share == round(share)) else f"{share:.1f}%"


def money(micros: int | None, currency: str | None) -> str | Markup:
    """Millionths of a currency as an amount. Keeps the fractions of a cent that one SMS costs."""
    if micros is None or not currency:
        return NOTHING
    amount = micros / 1_000_000
    if currency == "credits":
        return f"{amount:,.2f}".removesuffix(".00") + " credits"
    if amount and abs(amount) < 1:
        whole, _, fraction = f"{amount:.4f}".partition(".")
        return f"{currency} {whole}.{fraction.rstrip('0').ljust(2, '0')}"
    return format_currency(amount, currency, format="¤¤ #,##0.00", locale=LOCALE, currency_digits=False)


def phone(address: str | None) -> str | Markup:
    """+254711111111 as +254 711 111111; anything that is not a phone number stays as it is."""
    if not address:
        return NOTHING
    try:
        parsed = phonenumbers.parse(address)
    except phonenumbers.NumberParseException:
        return address
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def duration(seconds: float | None) -> str | Markup:
    """A span of time: `48 s`, `12 min`, `1 h 20 min`, `3 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def size(count: int | None) -> str | Markup:
    """A file's size in bytes as `4.2 MB`."""
    if count is None:
        return NOTHING
    if count < 1024:
        return f"{count} B"
    # As the limits are set and file managers count, so that a limit of 5 MB reads so.
    return f"{count / 1024:.0f} kB" if count < 1024**2 else f"{count / 1024**2:.1f}".removesuffix(".0") + " MB"


def plural(count: int, one: str, many: str = "") -> str:
    """`3|plural("contact")` is `3 contacts`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def initials(name: str) -> str:
    """`Ada Lovelace` as AL, for the round picture of a person without one."""
    words = [word for word in name.replace("@", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def medium_name(medium: str) -> str:
    """`whatsapp` as WhatsApp."""
    return LABELS.get(medium, medium)


PLAIN: dict[str, Any] = {
    "number": number,
    "percent": percent,
    "money": money,
    "phone": phone,
    "duration": duration,
    "size": size,
    "plural": plural,
    "initials": initials,
    "medium_name": medium_name,
}

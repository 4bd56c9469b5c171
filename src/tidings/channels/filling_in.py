"""A channel's fields as somebody filled them in, on top of what it has: checked, but not kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidings.channels.rules import split_fields
from tidings.errors import FieldError, Invalid
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.channels.vault import Vault
    from tidings.providers.base import Description
    from tidings.settings import Settings


def merged_fields(
    channel: Channel, vault: Vault, changes: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Settings and secrets of a channel with these changes, and its secrets before. Raises Invalid with every field that is wrong."""
    given = {name: value for name, value in changes.items() if value is not None}
    description = description_of(channel.provider)
    # With all secrets given anew the old ones need not be opened, so a lost key can be got over.
    all_new = bool(given) and all(one.name in given for one in description.fields if one.secret)
    before = {} if all_new else vault.open(channel.credentials)
    plain, secret = split_fields(description, {**channel.settings, **before, **given})
    return plain, secret, before


def description_of(provider: str) -> Description:
    """A provider's card. Raises Invalid when there is none."""
    if provider not in PROVIDERS:
        kinds = ", ".join(PROVIDERS)
        raise Invalid(f"There is no provider “{provider[:50]}”.", errors=(FieldError("provider", f"one of: {kinds}"),))
    return PROVIDERS[provider].description


def check_base_url(settings: Settings, url: str) -> None:
    """Raises Invalid for an address that the operator does not allow."""
    if url and not settings.may_override_base_url(url):
        raise Invalid(
            "This installation does not allow channels to use that API address. Leave it empty for the provider's own.",
            errors=(FieldError("api_base_url", "is not among those that the operator allows (TIDINGS_ALLOWED_API_BASE_URLS)"),),
        )

"""The closed registry of providers. A new one is a folder beside this file and one line here (docs/adding-a-provider.md)."""

from __future__ import annotations

from pathlib import Path

from tidings.providers.africastalking.provider import AfricasTalking
from tidings.providers.apprise.provider import Apprise
from tidings.providers.base import Provider
from tidings.providers.discord.provider import Discord
from tidings.providers.email.provider import Email
from tidings.providers.sandbox.provider import Sandbox
from tidings.providers.slack.provider import Slack
from tidings.providers.twilio.provider import Twilio

PROVIDERS: dict[str, Provider] = {
    each.description.kind: each for each in (Sandbox(), Twilio(), AfricasTalking(), Discord(), Slack(), Email(), Apprise())
}


class UnknownProvider(LookupError):
    """There is no provider of this kind in this installation."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no provider “{kind}”. There are: {', '.join(PROVIDERS)}.")
        self.kind = kind


def provider(kind: str) -> Provider:
    """The provider of this kind. Raises `UnknownProvider`."""
    try:
        return PROVIDERS[kind]
    except KeyError:
        raise UnknownProvider(kind) from None


def logo(kind: str) -> Path:
    """The provider's picture, an SVG with a square view box."""
    return Path(__file__).parent / provider(kind).description.kind / "logo.svg"

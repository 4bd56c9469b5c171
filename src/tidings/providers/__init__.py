"""The closed registry of providers. A new one is a folder beside this file and one line here (docs/adding-a-provider.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from tidings.providers.africastalking.provider import AfricasTalking
from tidings.providers.apprise.provider import Apprise
from tidings.providers.base import Provider
from tidings.providers.bulksms.provider import BulkSms
from tidings.providers.discord.provider import Discord
from tidings.providers.email.provider import Email
from tidings.providers.http_gateway.provider import HttpGateway
from tidings.providers.myoperator.provider import MyOperator
from tidings.providers.sandbox.provider import Sandbox
from tidings.providers.slack.provider import Slack
from tidings.providers.telegram.provider import Telegram
from tidings.providers.twilio.provider import Twilio
from tidings.providers.whatsapp_cloud.provider import WhatsAppCloud
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

PROVIDERS: dict[str, Provider] = {
    each.description.kind: each
    for each in (
        Sandbox(),
        Twilio(),
        AfricasTalking(),
        BulkSms(),
        WhatsAppCloud(),
        WhatsAppLinked(),
        MyOperator(),
        Telegram(),
        Discord(),
        Slack(),
        Email(),
        HttpGateway(),
        Apprise(),
    )
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
    return Path(str(sys.modules[type(provider(kind)).__module__].__file__)).with_name("logo.svg")

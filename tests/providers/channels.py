"""One good channel of each provider, for tests that go through all of them."""

from __future__ import annotations

from dataclasses import replace

from tests.simulators import africastalking, discord, mail, slack, twilio
from tidings.providers.base import ChannelConfig, Outgoing

HOOK = "https://tidings.example/hooks/in/s3cr3t-p4th"

CHANNELS: dict[str, ChannelConfig] = {
    "sandbox": ChannelConfig(sender="Sandbox", settings={}, credentials={}, hook_url=HOOK),
    "twilio": ChannelConfig(
        sender=twilio.SENDER,
        settings={"account_sid": twilio.ACCOUNT_SID},
        credentials={"auth_token": twilio.AUTH_TOKEN, "webhook_key": "shared/key+of=webhooks"},
        hook_url=HOOK,
    ),
    "africastalking": ChannelConfig(
        sender="TIDINGS",
        settings={"username": africastalking.USERNAME},
        credentials={"api_key": africastalking.API_KEY},
        hook_url=HOOK,
    ),
    "discord": ChannelConfig(
        sender="",
        settings={"public_key": discord.PUBLIC_KEY},
        credentials={"bot_token": discord.BOT_TOKEN},
        hook_url=HOOK,
    ),
    "slack": ChannelConfig(
        sender="",
        settings={},
        credentials={"bot_token": slack.BOT_TOKEN, "signing_secret": slack.SIGNING_SECRET},
        hook_url=HOOK,
    ),
    "email": ChannelConfig(
        sender="",
        settings={
            "host": "smtp.shop.example",
            "port": "587",
            "security": "none",
            "username": mail.USER,
            "from_address": mail.FROM,
            "from_name": "Duka la Asha",
            "subject": "A message for you",
        },
        credentials={"password": mail.PASSWORD, "unsubscribe_key": "a long random text of a test"},
        hook_url=HOOK,
    ),
    "apprise": ChannelConfig(
        sender="",
        settings={},
        credentials={"url": f"discord://{discord.WEBHOOK_ID}/{discord.WEBHOOK_TOKEN}/"},
        hook_url=HOOK,
    ),
}


def channel_of(kind: str, url: str = "", **changes: object) -> ChannelConfig:
    return replace(CHANNELS[kind], api_base_url=url, **changes)  # type: ignore[arg-type]


def outgoing(number: int = 0, to: str | None = None, text: str = "Hello there") -> Outgoing:
    return Outgoing(id=f"msg_{number:026}", to=to or f"+2547110{number:05}", text=text)

"""One good channel of each provider, for tests that go through all of them."""

from __future__ import annotations

from dataclasses import replace

from tests.simulators import africastalking, bulksms, discord, gateway, mail, myoperator, slack, telegram, twilio, whatsapp_cloud
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
    "telegram": ChannelConfig(sender="", settings={}, credentials={"bot_token": telegram.BOT_TOKEN}, hook_url=HOOK),
    "whatsapp_cloud": ChannelConfig(
        sender=f"+{whatsapp_cloud.NUMBER}",
        settings={"phone_number_id": whatsapp_cloud.PHONE_NUMBER_ID, "waba_id": whatsapp_cloud.WABA_ID, "graph_version": "v25.0"},
        credentials={
            "access_token": whatsapp_cloud.ACCESS_TOKEN,
            "app_secret": whatsapp_cloud.APP_SECRET,
            "verify_token": whatsapp_cloud.VERIFY_TOKEN,
        },
        hook_url=HOOK,
    ),
    "myoperator": ChannelConfig(
        sender="+919800000000",
        settings={
            "company_id": myoperator.COMPANY_ID,
            "phone_number_id": myoperator.PHONE_NUMBER_ID,
            "waba_id": myoperator.WABA_ID,
        },
        credentials={"api_key": myoperator.API_KEY},
        hook_url=HOOK,
    ),
    "whatsapp_linked": ChannelConfig(sender="", settings={}, credentials={}, hook_url=HOOK, channel_id="chn_1"),
    "bulksms": ChannelConfig(
        sender="TIDINGS",
        settings={"token_id": bulksms.TOKEN_ID, "routing_group": "STANDARD"},
        credentials={"token_secret": bulksms.TOKEN_SECRET},
        hook_url=HOOK,
    ),
    "http": ChannelConfig(sender="TIDINGS", settings=gateway.settings(), credentials={"api_key": gateway.API_KEY}, hook_url=HOOK),
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
    if kind == "http" and url:  # it has no address of its own to override: each channel says its own
        changes = {"settings": {name: value.replace(gateway.URL, url) for name, value in CHANNELS[kind].settings.items()}, **changes}
    return replace(CHANNELS[kind], api_base_url=url, **changes)  # type: ignore[arg-type]


def outgoing(number: int = 0, to: str | None = None, text: str = "Hello there") -> Outgoing:
    return Outgoing(id=f"msg_{number:026}", to=to or f"+2547110{number:05}", text=text)

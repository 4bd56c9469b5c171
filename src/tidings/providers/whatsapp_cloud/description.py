"""The Cloud API's card: what a channel needs, what it can, how fast it may go."""

from __future__ import annotations

from tidings.providers.base import Capabilities, Description, Field, Limits, MediaRule, RecipientPace

API = "https://graph.facebook.com"
VERSION = "v25.0"
"""A version lives for two years and more from its day; the form lets a channel take another."""
_MEGABYTE = 1024 * 1024

DESCRIPTION = Description(
    kind="whatsapp_cloud",
    label="WhatsApp (Meta Cloud API)",
    summary="WhatsApp from your own business number, straight through Meta: texts, files, buttons and approved templates.",
    fields=(
        Field(
            name="phone_number_id",
            label="Phone number ID",
            help="In the Meta app under API Setup of the WhatsApp use case. It is an id, not the number itself.",
            pattern=r"\d{5,25}",
            example="106540352242922",
        ),
        Field(
            name="waba_id",
            label="WhatsApp Business Account ID",
            help="Beside the phone number ID. Its templates are read from there.",
            pattern=r"\d{5,25}",
            example="102290129340398",
        ),
        Field(
            name="access_token",
            label="Access token",
            help="A system user's token that does not expire, with whatsapp_business_messaging and whatsapp_business_management.",
            secret=True,
        ),
        Field(
            name="app_secret",
            label="App secret",
            help="In the Meta app under App settings, Basic. It proves that receipts and replies really come from Meta.",
            secret=True,
        ),
        Field(
            name="verify_token",
            label="Verify token",
            help="Any word you make up. You give the same word to Meta beside this channel's hook address.",
            secret=True,
        ),
        Field(
            name="graph_version",
            label="Graph API version",
            help="Leave as it is unless Meta asks you to change it.",
            required=False,
            pattern=r"v\d{1,3}\.\d",
            example=VERSION,
            default=VERSION,
        ),
    ),
    capabilities=Capabilities(
        mediums=("whatsapp",),
        receipts=True,
        inbound=True,
        signed_hooks=True,
        max_characters=4096,
        max_caption=1024,
        # Specs: developers.facebook.com, WhatsApp Cloud API reference, media, supported media types
        media={
            "image": MediaRule(content_types=("image/jpeg", "image/png"), max_bytes=5 * _MEGABYTE),
            "video": MediaRule(content_types=("video/mp4", "video/3gpp"), max_bytes=16 * _MEGABYTE),
            "audio": MediaRule(content_types=("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), max_bytes=16 * _MEGABYTE),
            "document": MediaRule(
                content_types=(
                    "application/pdf",
                    "text/plain",
                    "application/msword",
                    "application/vnd.ms-excel",
                    "application/vnd.ms-powerpoint",
                    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                ),
                max_bytes=100 * _MEGABYTE,
            ),
            "sticker": MediaRule(content_types=("image/webp",), max_bytes=500 * 1024),  # 100 KB where it does not move
        },
        buttons=3,
        replies=True,
        templates=True,
        window_hours=24,
        read_receipts=True,
        links=True,
    ),
    limits=Limits(
        per_second=80.0,  # in and out together; 20 where the number is in the WhatsApp Business app as well
        burst=20,
        concurrency=64,
        # One message in six seconds to the same person in the long run. A burst is lent and has to be waited off; ten are within what is lent.
        per_recipient=(RecipientPace(count=10, seconds=60.0),),
        per_day=250,  # where every business begins; it rises to 2,000, 10,000, 100,000 and then falls away
        per_day_counts="recipients",
    ),
    sender_label="Business number",
    sender_help="The number people see. May stay empty: it is known by its ID.",
    sender_example="+254700000000",
    sender_pattern=r"\+[1-9]\d{6,14}",
    docs_url="https://developers.facebook.com/docs/whatsapp/cloud-api",
    hook_help="In the Meta app open Configuration of the WhatsApp use case, Webhook. Put this address under Callback URL and your verify token beside it, then "
    "subscribe to “messages” and “user_preferences”.",
    api_base_url=API,
)

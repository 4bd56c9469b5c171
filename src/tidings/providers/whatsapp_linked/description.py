"""The card of WhatsApp by linked device: what a channel needs, what it can, how fast it may go."""

from __future__ import annotations

from tidings.providers.base import Capabilities, Description, Field, Limits, MediaRule

_MEGABYTE = 1024 * 1024
LARGEST_FILE = 32 * _MEGABYTE

DESCRIPTION = Description(
    kind="whatsapp_linked",
    label="WhatsApp (linked device)",
    summary="Your own WhatsApp, linked by scanning a code as WhatsApp Web is. Unofficial: WhatsApp may ban numbers that write like machines.",
    fields=(
        Field(
            name="pair_phone",
            label="Number to link by code",
            help="Only where no code can be scanned: the phone's own number. WhatsApp on it then asks for eight letters that this page shows.",
            required=False,
            pattern=r"\+[1-9]\d{6,14}",
            example="+254711000123",
        ),
    ),
    sender_label="",  # the phone that is linked is the sender, and says its number itself
    capabilities=Capabilities(
        mediums=("whatsapp",),
        receipts=True,
        inbound=True,
        max_characters=4096,
        max_caption=1024,
        # What WhatsApp's own apps show in place; anything else goes as a document.
        media={
            "image": MediaRule(content_types=("image/jpeg", "image/png"), max_bytes=5 * _MEGABYTE),
            "video": MediaRule(content_types=("video/mp4", "video/3gpp"), max_bytes=16 * _MEGABYTE),
            "audio": MediaRule(content_types=("audio/aac", "audio/mpeg", "audio/mp4", "audio/ogg"), max_bytes=16 * _MEGABYTE),
            "document": MediaRule(
                content_types=(
                    "application/pdf",
                    "text/plain",
                    "text/csv",
                    "application/zip",
                    "application/msword",
                    "application/vnd.ms-excel",
                    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                ),
                max_bytes=LARGEST_FILE,
            ),
            "sticker": MediaRule(content_types=("image/webp",), max_bytes=500 * 1024),
        },
        replies=True,
        read_receipts=True,
        sessions=True,
    ),
    # WhatsApp publishes no limits for this way. A person writes about so; what is far from it gets numbers banned.
    limits=Limits(per_second=1.0, burst=1, concurrency=1, per_day=100, jitter_seconds=2.0),
    # Many numbers of one address that all write at the same moment look like a machine to WhatsApp.
    senders_at_once=50,
    docs_url="https://faq.whatsapp.com/378279804439436",
)

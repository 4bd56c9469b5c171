"""Which of apprise's services a channel may use.

Apprise also runs programs, writes files, talks on the desktop's bus, and calls any host that its address names. Here only
services stand whose plugin speaks HTTPS to hosts written in its own code; each was read in apprise 2.3.0. A channel's owner
can so reach nothing inside the operator's network.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

TO: Final = "{to}"
"""Where a recipient's address is put into a channel's."""
ALLOWED: Final = frozenset({
    # chats
    "discord", "slack", "tgram", "gchat", "line", "flock", "groupme", "webex", "wxteams", "twist", "zoom", "viber", "dingtalk", "feishu", "lark",
    "wecombot", "kook", "stackfield",
    # to one's own devices, and on call
    "pover", "pbul", "join", "prowl", "pushed", "push", "pushy", "spush", "simplepush", "onesignal", "ifttt", "notifiarr", "chanify", "psafers",
    "schan", "pushplus", "wecom", "wxpusher", "pagertree", "signl4", "spike",
    # text messages
    "46elks", "elks", "clickatell", "clicksend", "d7sms", "freemobile", "msg91", "msgbird", "vonage", "nexmo", "plivo", "seven", "smsmgr",
    "smsmanager", "telnyx", "voipms", "threema", "octopush",
    # mail by HTTPS
    "brevo", "mailersend", "postmark", "resend", "sendgrid",
})  # fmt: skip
FORBIDDEN_OPTIONS: Final = frozenset({
    "verify",  # would switch the check of certificates off
    "template",  # reads a file of this machine
    "optional",  # would tell failures as successes
    "retry", "wait", "overflow",  # one message would become several requests, of which nobody knows which failed
    "redirect",  # would let the service lead us elsewhere
    "cto", "rto", "store",  # time and place are ours to choose
})  # fmt: skip


class BadUrl(ValueError):
    """This address may not be used. Its sentence names no part of it that could be secret."""


def check_url(url: str) -> str:
    """The schema of an address that may be used. Raises `BadUrl`."""
    schema, mark, _ = url.partition("://")
    schema = schema.lower()
    if not mark or any(letter.isspace() for letter in url):
        raise BadUrl("This is no apprise address: one begins with a service's name and ://, and has no spaces.")
    if schema not in ALLOWED:
        raise BadUrl(
            "Only services on the internet that apprise reaches by HTTPS at a fixed host may be used, "
            f"and “{schema[:20]}” is none of them. There are: {', '.join(sorted(ALLOWED))}."
        )
    try:
        options = {name.lower().lstrip("+-: ") for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=50)}
    except ValueError:
        raise BadUrl("This address cannot be read.") from None
    if forbidden := sorted(options & FORBIDDEN_OPTIONS):
        raise BadUrl(f"The address may not have the option {', '.join(forbidden)}.")
    return schema


def address_for(url: str, to: str) -> str:
    """The channel's address with one recipient put in, who cannot add a path or an option by it."""
    return url.replace(TO, quote(to, safe=""))

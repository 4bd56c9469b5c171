"""One label, one colour and one sentence for every state and reason, wherever it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Word:
    """How one state looks and what it means."""

    label: str
    colour: str
    meaning: str
    moving: bool = False
    """Something is being done right now; the badge's dot pulses."""


MESSAGE: Final = {
    "scheduled": Word("Scheduled", "azure", "Waits for its time."),
    "queued": Word("Queued", "secondary", "Due now; waits for its turn at the channel."),
    "sending": Word("Sending", "blue", "Handed to the provider; the answer is not in yet.", moving=True),
    "sent": Word("Sent", "cyan", "The provider took it. Whether it reached the phone is not known yet."),
    "delivered": Word("Delivered", "green", "The provider says it reached the phone."),
    "read": Word("Read", "teal", "The recipient opened it."),
    "failed": Word("Failed", "red", "It did not arrive and will not be tried again."),
    "unknown": Word("Unknown", "orange", "It left, but no answer came: it may or may not have arrived. It is not sent twice on a guess."),
    "suppressed": Word("Suppressed", "purple", "Not sent, on purpose."),
    "cancelled": Word("Cancelled", "dark", "Stopped by a person before it was sent."),
    "expired": Word("Expired", "yellow", "Its time to be useful passed before it could be sent."),
    "received": Word("Received", "indigo", "Came in from the contact."),
    "waiting": Word("Waiting", "secondary", "Still to go: scheduled, queued or being sent."),
}

CAMPAIGN: Final = {
    "draft": Word("Draft", "secondary", "Being written; nothing is sent."),
    "scheduled": Word("Scheduled", "azure", "Starts by itself at its time."),
    "launching": Word("Launching", "blue", "Its recipients are being written down.", moving=True),
    "sending": Word("Sending", "blue", "Messages are going out.", moving=True),
    "paused": Word("Paused", "yellow", "Nothing leaves until somebody resumes it."),
    "done": Word("Done", "green", "Every recipient is accounted for."),
    "cancelled": Word("Cancelled", "secondary", "Stopped; what had not left was not sent."),
}

CHANNEL: Final = {
    "active": Word("Active", "green", "Ready to send."),
    "paused": Word("Waiting", "yellow", "The provider asked for a pause; sending goes on by itself."),
    "starting": Word("Starting", "azure", "A worker takes it up.", moving=True),
    "degraded": Word("Degraded", "orange", "Something is wrong just now. It is tried again by itself."),
    "running": Word("Running", "green", "Goes as it should."),
    "failed": Word("Failed", "red", "Stopped by a fault that somebody must mend."),
    "healthy": Word("Healthy", "green", "The last probe, a free round trip to the provider, worked."),
    "unhealthy": Word("Unhealthy", "red", "Probes of the provider keep failing. Messages are held; none is lost."),
    "unknown": Word("Not known yet", "secondary", "No probe has proved anything so far."),
    "holding": Word("Holding", "orange", "The provider keeps failing; messages are held and single ones are tried."),
    "stopped": Word("Stopped", "red", "Sending stopped because of a fault that needs you. Messages wait; none is lost."),
    "disabled": Word("Off", "secondary", "Switched off by a member."),
}

ROUTE: Final = {
    "works": Word("Works", "green", "Messages begin at its first step."),
    "falls_back": Word("Falls back", "yellow", "Its first channel does not work just now; messages go by a later one."),
    "down": Word("Down", "red", "None of its channels works just now."),
}

IMPORT: Final = {
    "ready": Word("Ready to confirm", "azure", "Read and checked; nothing is saved yet."),
    "importing": Word("Importing", "blue", "Contacts are being saved.", moving=True),
    "done": Word("Done", "green", "Every row has its verdict."),
    "cancelled": Word("Cancelled", "secondary", "Nothing was saved."),
    "valid": Word("Valid", "green", "Will be saved as a new contact."),
    "created": Word("Created", "green", "Saved as a new contact."),
    "existing": Word("Existing", "azure", "The number is already a contact; it is not made twice."),
    "duplicate_in_file": Word("Repeated", "yellow", "The same number stands in an earlier row."),
    "invalid": Word("Invalid", "red", "Cannot be used as it is; the row says why."),
    "skipped": Word("Skipped", "secondary", "Left out."),
}

ATTEMPT: Final = {
    "accepted": Word("Accepted", "green", "The provider took the message."),
    "failed": Word("Failed", "red", "The provider refused the message."),
    "uncertain": Word("Uncertain", "orange", "The request left, but no answer came."),
    "not_sent": Word("Not sent", "secondary", "The request never left."),
}

ACCESS: Final = {
    "owner": Word("Owner", "blue", "May do everything, and change the workspace itself."),
    "admin": Word("Admin", "azure", "May do everything but change the workspace itself."),
    "agent": Word("Agent", "teal", "May write contacts and send messages."),
    "viewer": Word("Viewer", "secondary", "May look, not change."),
    "live": Word("Live", "green", "Can be used."),
    "revoked": Word("Revoked", "secondary", "Can no longer be used."),
    "opted_out": Word("Opted out", "purple", "Asked not to be written to; nothing is sent to this address."),
    "reachable": Word("Reachable", "green", "May be written to."),
}

ACTIVITY: Final = {
    "started": Word("Started", "green", ""),
    "stopped": Word("Stopped", "secondary", ""),
    "restarted": Word("Restarted", "azure", ""),
    "changed": Word("Changed", "azure", ""),
    "failed": Word("Failed", "red", "Stopped by a fault that somebody must mend."),
    "run_failed": Word("Could not go on", "orange", "It is tried again by itself, later each time."),
    "run_works": Word("Works again", "green", ""),
    "probe_failed": Word("Probe failed", "orange", "A free question to the provider, which shows whether the channel works."),
    "probe_worked": Word("Probe worked", "green", "A free question to the provider, which shows whether the channel works."),
    "hook_refused": Word("Call refused", "yellow", "Somebody called the hook without a right signature. Noted once a minute at most."),
    "receives_by_polling": Word("Asks for messages", "azure", ""),
    "receives_by_hook": Word("Is called for messages", "azure", ""),
    "session_connecting": Word("Connects", "azure", ""),
    "session_pairing": Word("Waits to be linked", "yellow", ""),
    "session_connected": Word("Connected", "green", ""),
    "session_logged_out": Word("Unlinked", "red", ""),
}

FAMILIES: Final = {
    "message": MESSAGE,
    "campaign": CAMPAIGN,
    "channel": CHANNEL,
    "route": ROUTE,
    "activity": ACTIVITY,
    "import": IMPORT,
    "attempt": ATTEMPT,
    "access": ACCESS,
}

REASONS: Final = {
    # Why a send failed (the normalised error codes).
    "invalid_address": Word("Invalid address", "red", "The number or address does not exist or cannot receive this kind of message."),
    "unreachable": Word("Unreachable", "red", "The phone was off or out of reach for too long."),
    "blocked": Word("Blocked", "red", "The recipient or their operator blocks messages from this sender."),
    "opted_out": Word("Opted out", "purple", "The recipient asked not to be written to."),
    "rate_limited": Word("Too fast", "yellow", "The provider asked to slow down. It is tried again and costs no attempt."),
    "insufficient_balance": Word(
        "No balance", "red", "The provider account has no money left. The channel is stopped until it is topped up."
    ),
    "invalid_credentials": Word(
        "Wrong credentials",
        "red",
        "The provider did not accept the account's key, its sender or a setting. The channel is stopped until it is mended.",
    ),
    "rejected_content": Word("Content refused", "red", "The provider or operator refused the text."),
    "template_required": Word("Template required", "red", "WhatsApp allows free text only within 24 hours of the contact's last message."),
    "provider_unavailable": Word("Provider down", "orange", "The provider had a fault. It is tried again."),
    "timeout": Word("No answer", "orange", "The provider did not answer in time."),
    "unsupported": Word("Unsupported", "red", "This channel cannot send this kind of message."),
    "unhealthy": Word(
        "Does not work",
        "orange",
        "The free question by which the channel is probed keeps failing. Its messages wait, and go on by themselves once it succeeds.",
    ),
    "credentials_sealed": Word(
        "Keys missing", "red", "This server cannot open the channel's secrets: its own keys have changed or are missing."
    ),
    "internal": Word("Other fault", "red", "A fault that has no name of its own here. What the provider said stands beside it."),
    # Why a message was not sent on purpose (suppressions).
    "quiet_hours_expired": Word("Quiet hours", "purple", "It would have arrived at night, and expired before morning."),
    "frequency_capped": Word("Frequency cap", "purple", "The contact already had as many messages as the workspace allows."),
    "duplicate": Word("Duplicate", "purple", "The same address was already in this campaign."),
    "no_address": Word("No address", "purple", "The contact has no address for this channel."),
}


def find_word(family: str, state: str) -> Word:
    """The word of a state; a state that has none yet is still shown, in grey and as it is."""
    return FAMILIES[family].get(state) or _unlisted(state)


def find_reason(code: str) -> Word:
    """The word of an error code or suppression."""
    return REASONS.get(code) or _unlisted(code)


def _unlisted(name: str) -> Word:
    return Word(name.replace("_", " ").capitalize(), "secondary", "")

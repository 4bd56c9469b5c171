"""Discord's JSON error codes in our words. Source: docs.discord.com/developers/topics/opcodes-and-status-codes#json, read whole in the text of
github.com/discord/discord-api-docs (developers/topics/opcodes-and-status-codes.mdx).

What its table has beside these belongs to other things than posting a message (servers, roles, invites, voice, polls, purchases) or to things
that we never send (stickers, voice messages, forwards). Such a code is told by its HTTP status; with code 0 Discord itself says no more than
that. A 403 in Discord's own JSON is about the place written to (“did not have permission to the resource”): a bad token is a 401.
"""

from __future__ import annotations

from tidings.providers.base import ErrorCode as E

CODES: dict[int, E] = {
    # the account
    10001: E.INVALID_CREDENTIALS,
    10002: E.INVALID_CREDENTIALS,  # unknown application: it was deleted
    10012: E.INVALID_CREDENTIALS,  # unknown token
    10015: E.INVALID_CREDENTIALS,  # unknown webhook: it was deleted
    20001: E.INVALID_CREDENTIALS,  # not for bots
    20002: E.INVALID_CREDENTIALS,  # for bots only: the token is a person's
    20012: E.INVALID_CREDENTIALS,  # not authorised for this application
    40001: E.INVALID_CREDENTIALS,
    40002: E.INVALID_CREDENTIALS,  # the account must be verified first
    40012: E.INVALID_CREDENTIALS,  # the connection was revoked
    50002: E.INVALID_CREDENTIALS,  # the wrong type of account
    50010: E.INVALID_CREDENTIALS,  # the application has no bot
    50014: E.INVALID_CREDENTIALS,
    50025: E.INVALID_CREDENTIALS,
    50026: E.INVALID_CREDENTIALS,  # an OAuth2 scope is missing
    50027: E.INVALID_CREDENTIALS,  # webhook token
    50178: E.INVALID_CREDENTIALS,
    60003: E.INVALID_CREDENTIALS,  # two-factor is required
    # the recipient
    10003: E.INVALID_ADDRESS,  # unknown channel
    10004: E.INVALID_ADDRESS,
    10007: E.INVALID_ADDRESS,  # unknown member
    10013: E.INVALID_ADDRESS,
    50033: E.INVALID_ADDRESS,
    50055: E.INVALID_ADDRESS,  # invalid server
    20024: E.BLOCKED,  # under the minimum age
    40007: E.BLOCKED,
    50001: E.BLOCKED,  # missing access: the bot is not in that server, or the channel is closed to it
    50007: E.BLOCKED,  # the person takes no direct messages
    50009: E.BLOCKED,
    50013: E.BLOCKED,  # missing permission, Send Messages as a rule
    50278: E.UNREACHABLE,  # no server in common
    50083: E.UNREACHABLE,  # archived thread
    50095: E.UNREACHABLE,
    160005: E.UNREACHABLE,  # locked thread
    20015: E.UNSUPPORTED,  # needs a subscription
    20035: E.UNSUPPORTED,  # needs more boosts, as 50101
    40058: E.UNSUPPORTED,  # a forum
    40066: E.UNSUPPORTED,  # a forum whose tags are not for us to set
    40067: E.UNSUPPORTED,  # a forum that wants a tag
    50021: E.UNSUPPORTED,  # a reply to a system message
    50101: E.UNSUPPORTED,
    50003: E.UNSUPPORTED,
    50008: E.UNSUPPORTED,  # a voice channel and the like
    50024: E.UNSUPPORTED,
    50173: E.UNSUPPORTED,
    160002: E.UNSUPPORTED,  # a reply needs the permission to read the history
    220001: E.UNSUPPORTED,  # a webhook of a forum needs a thread
    220002: E.UNSUPPORTED,
    220003: E.UNSUPPORTED,
    220004: E.UNSUPPORTED,
    400001: E.UNSUPPORTED,  # the server takes no files for a while
    # the text and the file
    10008: E.REJECTED_CONTENT,  # the message answered is gone
    10014: E.REJECTED_CONTENT,  # unknown emoji, on a button
    20009: E.REJECTED_CONTENT,
    30015: E.REJECTED_CONTENT,
    40005: E.REJECTED_CONTENT,  # too large
    50006: E.REJECTED_CONTENT,  # empty
    50035: E.REJECTED_CONTENT,  # invalid form: too long, a bad button
    50045: E.REJECTED_CONTENT,  # file too large
    50046: E.REJECTED_CONTENT,
    50068: E.REJECTED_CONTENT,
    50110: E.REJECTED_CONTENT,
    50123: E.REJECTED_CONTENT,
    50138: E.REJECTED_CONTENT,  # the file cannot be made small enough
    50146: E.REJECTED_CONTENT,  # the uploaded file is not there
    50151: E.REJECTED_CONTENT,  # invalid emoji
    200000: E.REJECTED_CONTENT,  # the server's automatic moderation
    200001: E.REJECTED_CONTENT,  # the same for a title
    240000: E.REJECTED_CONTENT,  # harmful links
    # the pace
    20016: E.RATE_LIMITED,  # slow mode
    20028: E.RATE_LIMITED,  # the channel's write limit
    20029: E.RATE_LIMITED,  # the server's write limit
    40003: E.RATE_LIMITED,
    40062: E.RATE_LIMITED,
    # Discord itself
    40004: E.PROVIDER_UNAVAILABLE,
    40006: E.PROVIDER_UNAVAILABLE,
    40333: E.PROVIDER_UNAVAILABLE,  # the shield before Discord refused this machine
    110001: E.PROVIDER_UNAVAILABLE,
    130000: E.PROVIDER_UNAVAILABLE,
    # ourselves
    50041: E.INTERNAL,  # a version of the API that is no more
    50109: E.INTERNAL,  # not JSON
}
"""All of these are refusals: nothing was posted."""

RETRYABLE = frozenset({E.RATE_LIMITED, E.PROVIDER_UNAVAILABLE})
INVALID_FORM = 50035

"""MyOperator's refusals in our words.

Sources: MyOperator's help centre (“How do I send text, image and template messages with the WhatsApp Business API”) and the public clients
that cite its Postman collection. The list of codes is not published as a whole.
"""

from __future__ import annotations

from tidings.providers.base import ErrorCode as E

CODES: dict[str, E] = {
    "CHAT_4001": E.INSUFFICIENT_BALANCE,  # the wallet is empty
    # as wrong for every message of the channel as a key would be
    "CHAT_0302": E.INVALID_CREDENTIALS,  # the WhatsApp Business Account is disabled
    "CHAT_0303": E.INVALID_CREDENTIALS,  # the phone number is disabled
    "CHAT_0304": E.INVALID_CREDENTIALS,  # the phone number is not connected
}

NOT_PROVISIONED = b'{"message":null}'
"""The body of a 500 that every call of an account gets, reads too, until MyOperator has switched the API on for it."""

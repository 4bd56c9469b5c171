"""The webhook: who may call it, and what a call holds.

Telegram signs nothing. It brings back a secret that we gave it (`secret_token` of setWebhook), so we give it one that nobody needs to
keep: made from the bot's token and the hook's address, both of which we know whenever a call comes.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from tidings.providers.base import ChannelConfig, HookAnswer, HookRefused, HookRequest
from tidings.providers.telegram.sending import TOKEN
from tidings.providers.telegram.updates import callbacks, plain_json, read_update

HEADER = "x-telegram-bot-api-secret-token"


def secret_token(channel: ChannelConfig) -> str:
    """64 hexadecimal digits; empty where the channel has no token or no address, so that no call can be believed."""
    token = channel.credentials.get(TOKEN, "")
    if not (token and channel.hook_url):
        return ""
    return hmac.new(token.encode(), b"tidings webhook " + channel.hook_url.encode(), hashlib.sha256).hexdigest()


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Check the secret, then say what the update means. One of an unknown kind is taken and dropped: refused, it would come for ever."""
    secret = secret_token(channel)
    given = request.headers.get(HEADER, "")
    if not secret or not hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace")):
        raise HookRefused("The secret token does not fit. Set the channel to receive by webhook again.")
    told = plain_json(request.body)
    if not isinstance(told, dict) or "update_id" not in told:
        raise HookRefused("This is not an update.", status_code=400)
    update = read_update(told)
    if update is None:
        return HookAnswer()
    press = update.callback_query
    return HookAnswer(
        callbacks=callbacks(update, channel.sender or None),
        # Until it is answered, the button shows a clock. https://core.telegram.org/bots/api#making-requests-when-getting-updates
        body=msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": press.id}) if press else b"",
        content_type="application/json" if press else "text/plain",
    )

"""Proves who is calling the API: an API key or an access token, never a cookie, so that no other site can call it in a person's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidings.errors import Unauthenticated
from tidings.workspaces.access_tokens import access_of_token
from tidings.workspaces.api_keys import access_of_key
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.secret_tokens import API_KEY_PREFIX

if TYPE_CHECKING:
    from fastapi import Request

    from tidings.workspaces.access import Access

_NOTHING_SENT = "Send an API key or an access token as `Authorization: Bearer …`."


async def authenticate(request: Request) -> Access:
    """Raises Unauthenticated when no valid credential came."""
    secret = bearer_secret(request)
    state = request.app.state
    if secret.startswith(API_KEY_PREFIX):
        return await access_of_key(state.database, secret, client_ip(request))
    return await access_of_token(state.database, state.token_keys(), secret, client_ip(request))


def bearer_secret(request: Request) -> str:
    """What was sent as `Authorization: Bearer …`. Raises Unauthenticated when nothing was."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated(_NOTHING_SENT)
    return secret.strip()

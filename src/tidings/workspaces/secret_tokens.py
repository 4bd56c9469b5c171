"""Secrets that we hand out once and keep only as a hash: API keys, cookies, refresh tokens, invitations.

They are long and random, so a plain SHA-256 is enough: there is nothing to guess, and a look-up by hash stays one index read.
"""

from __future__ import annotations

import hashlib
import secrets

API_KEY_PREFIX = "tdk_"


def new_secret(prefix: str = "") -> str:
    """A new secret with 240 random bits."""
    return prefix + secrets.token_urlsafe(30)


def hash_secret(secret: str) -> bytes:
    """What we keep of it."""
    return hashlib.sha256(secret.encode()).digest()

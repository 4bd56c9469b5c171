"""Twilio's webhook signatures. Source: twilio.com/docs/usage/webhooks/webhooks-security and twilio-python's request_validator."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

SHA1 = "HMAC_SHA1"
SHA256 = "HMAC_SHA256"
_HASHES = {SHA1: hashlib.sha1, SHA256: hashlib.sha256}


def sign(secret: str, url: str, pairs: Iterable[tuple[str, str]], algorithm: str = SHA1) -> str:
    """The signature Twilio puts on a call: over the address and the sorted form, repeated pairs counted once."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), _HASHES[algorithm]).digest()).decode()


def is_signed(secret: str, url: str, pairs: Sequence[tuple[str, str]], signature: str, algorithm: str = SHA1) -> bool:
    """Whether the signature is right for the address as called, with its port, or without: Twilio uses any of them."""
    given = signature.encode()
    return any(hmac.compare_digest(sign(secret, candidate, pairs, algorithm).encode(), given) for candidate in _spellings(url))


def algorithm_of(settings_header: str) -> str:
    """The algorithm named in `X-Twilio-Webhooks-Signature-Settings`; without one it is the auth token's SHA-1."""
    for part in settings_header.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return SHA1


def body_matches(url: str, body: bytes) -> bool:
    """For a JSON body, which no form pairs stand for: whether it is the one whose hash the signed address carries."""
    claimed = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), claimed.encode())


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    host, port = parts.netloc, parts.port
    bare = host.rsplit(":", 1)[0] if port else host
    usual = 443 if parts.scheme == "https" else 80
    return list(dict.fromkeys((url, urlunsplit(parts._replace(netloc=bare)), urlunsplit(parts._replace(netloc=f"{bare}:{port or usual}")))))

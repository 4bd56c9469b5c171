"""Passwords: hashed with Argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tidings.errors import FieldError, Invalid

P = ParamSpec("P")
T = TypeVar("T")

MIN_LENGTH = 10
MAX_LENGTH = 200
_AT_ONCE = 2
"""One hash takes some 50 ms of a core and 64 MiB (RFC 9106, second recommendation); more at once would starve the server."""

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="passwords")


async def hash_password(password: str) -> str:
    """The hash to keep. Raises Invalid when the password is too short or too long."""
    check_password(password)
    return await rehash_password(password)


async def rehash_password(password: str) -> str:
    """The hash of a password that was accepted long ago, whatever the rules are now."""
    return await _run(_hasher.hash, password)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Say whether the password is right. Takes as long for somebody who does not exist (None), so that time tells nothing."""
    if password_hash is None:
        await _run(_verify, await _run(_dummy_hash), password)
        return False
    return await _run(_verify, password_hash, password)


def needs_rehash(password_hash: str) -> bool:
    """Say whether the hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


def check_password(password: str, field: str = "password") -> None:
    """Raises Invalid when a new password is not acceptable."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        sentence = f"must have between {MIN_LENGTH} and {MAX_LENGTH} characters"
        raise Invalid(f"The password {sentence}.", errors=(FieldError(field, sentence),))


async def _run(act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, functools.partial(act, *arguments, **named))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody has this password")

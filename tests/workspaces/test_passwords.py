"""Passwords are hashed slowly, checked fairly, and never kept."""

from __future__ import annotations

import importlib.util
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.errors import Invalid
from tidings.workspaces import passwords


@pytest.fixture(scope="module")
def real() -> object:
    """The module as it is in production: other tests hash cheaply."""
    spec = importlib.util.find_spec("tidings.workspaces.passwords")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_hash_is_argon2id_at_the_recommended_cost(real) -> None:
    hashed = await real.hash_password("correct horse battery")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, 4: the second recommended option
    assert await real.verify_password(hashed, "correct horse battery")
    assert not await real.verify_password(hashed, "correct horse batterY")
    assert not real.needs_rehash(hashed)


async def test_somebody_who_does_not_exist_is_checked_as_long(real) -> None:
    hashed = await real.hash_password("correct horse battery")
    await real.verify_password(None, "warm up")

    async def seconds(kept: str | None) -> float:
        started = time.process_time()
        for _ in range(4):
            assert not await real.verify_password(kept, "wrong")
        return time.process_time() - started

    assert 0.5 < await seconds(None) / await seconds(hashed) < 2


@pytest.mark.parametrize("password", ["", "123456789", "x" * 201])
async def test_too_short_and_too_long_ones_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        await passwords.hash_password(password)


async def test_a_hash_that_is_none_opens_nothing() -> None:
    for broken in ("", "plain", "$argon2id$v=19$m=65536"):
        assert not await passwords.verify_password(broken, "plain")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=10, max_size=200), st.text(st.characters(exclude_categories=["Cs"])))
async def test_only_the_same_password_fits(password: str, other: str) -> None:
    hashed = await passwords.hash_password(password)
    assert await passwords.verify_password(hashed, password)
    assert await passwords.verify_password(hashed, other) == (password == other)

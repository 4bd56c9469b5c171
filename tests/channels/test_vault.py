"""Secrets go in and come out, and nobody else's do."""

from __future__ import annotations

import multiprocessing
import stat
import sys

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tidings.channels.vault import KEY_FILE, Vault, VaultError, add_key, load_keys, open_vault
from tidings.settings import Settings

OLD, NEW = Fernet.generate_key(), Fernet.generate_key()


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_sealed_comes_out_and_cannot_be_read(values):
    sealed = Vault([NEW]).seal(values)
    assert Vault([NEW]).open(sealed) == values
    assert all(value.encode() not in sealed for value in values.values() if len(value) > 3)


def test_an_old_key_still_opens_and_rotation_needs_it_no_more():
    sealed = Vault([OLD]).seal({"auth_token": "hush"})
    assert Vault([NEW, OLD]).open(sealed) == {"auth_token": "hush"}
    rotated = Vault([NEW, OLD]).rotate(sealed)
    assert Vault([NEW]).open(rotated) == {"auth_token": "hush"}
    with pytest.raises(VaultError):
        Vault([OLD]).open(rotated)


def test_a_tampered_secret_is_refused():
    sealed = bytearray(Vault([NEW]).seal({"auth_token": "hush"}))
    sealed[20] ^= 1
    with pytest.raises(VaultError, match="Nothing is lost"):
        Vault([NEW]).open(bytes(sealed))


def test_no_secrets_need_no_key():
    assert Vault([NEW]).open(b"") == {}
    assert Vault([NEW]).rotate(b"") == b""


def test_derived_keys_differ_by_purpose_and_by_key():
    vault = Vault([NEW, OLD])
    assert len({vault.derive("tokens"), vault.derive("cookies"), *vault.derive_all("tokens")}) == 3
    assert vault.derive("tokens") == Vault([NEW]).derive("tokens")
    assert NEW not in vault.derive("tokens")


def test_the_first_start_makes_a_key_file_that_only_its_owner_reads(tmp_path):
    settings = Settings(home=tmp_path / "home")
    keys = load_keys(settings)
    assert len(keys) == 1
    assert load_keys(settings) == keys
    assert stat.S_IMODE((tmp_path / "home" / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "home").iterdir()] == [KEY_FILE]


def _first_start(home, ready, found):
    ready.wait()
    found.put(load_keys(Settings(home=home)))


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ready, found = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_first_start, args=(tmp_path, ready, found)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = [found.get(timeout=20) for _ in processes]
    for process in processes:
        process.join()
    assert all(key == keys[0] for key in keys)
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


def test_keys_from_the_environment_go_before_the_file(tmp_path):
    settings = Settings(home=tmp_path, secret_keys=SecretStr(f"{NEW.decode()}, {OLD.decode()}"))
    assert load_keys(settings) == [NEW, OLD]
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(VaultError, match="TIDINGS_SECRET_KEYS"):
        add_key(settings)


@pytest.mark.parametrize(
    "text", ["", "short", "not base64 !", f"{NEW.decode()}\nnonsense"], ids=["empty", "short", "not base64", "one good, one not"]
)
def test_a_broken_key_file_is_told_and_left_alone(tmp_path, text):
    (tmp_path / KEY_FILE).write_text(text)
    with pytest.raises(VaultError, match="openssl rand"):
        load_keys(Settings(home=tmp_path))
    assert (tmp_path / KEY_FILE).read_text() == text


def test_an_unreadable_key_file_is_told_with_what_to_do(tmp_path):
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(VaultError, match="cannot be read or made"):
        load_keys(Settings(home=tmp_path))


def test_a_running_process_notices_a_key_that_was_added(tmp_path):
    settings = Settings(home=tmp_path)
    running = open_vault(settings)
    before = running.seal({"a": "1"})
    add_key(settings)
    after = open_vault(settings)
    assert running.open(after.seal({"a": "2"})) == {"a": "2"}
    assert running.open(before) == {"a": "1"}
    assert running.derive("x") == after.derive("x")
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_running_process_seals_and_signs_with_a_key_as_soon_as_it_is_there_and_forgets_one_that_is_gone(tmp_path):
    settings = Settings(home=tmp_path)
    running = open_vault(settings)
    (old,), signed = load_keys(settings), running.derive("x")
    add_key(settings)
    newest = load_keys(settings)[0]
    assert running.derive_all("x") == [Vault([newest]).derive("x"), signed]
    assert Vault([newest]).open(running.seal({"a": "1"})) == {"a": "1"}
    (tmp_path / KEY_FILE).write_text(newest.decode() + "\n")
    assert running.derive_all("x") == [Vault([newest]).derive("x")]
    with pytest.raises(VaultError):
        running.open(Vault([old]).seal({"a": "1"}))


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_text("nonsense")], ids=["moved away", "spoilt"])
def test_a_running_process_goes_on_with_its_keys_when_the_file_is_gone_and_makes_no_other(tmp_path, harm):
    running = open_vault(Settings(home=tmp_path))
    sealed = running.seal({"a": "1"})
    harm(tmp_path / KEY_FILE)
    left = [file.read_text() for file in tmp_path.iterdir()]
    assert running.open(running.seal({"a": "2"})) == {"a": "2"}
    assert running.open(sealed) == {"a": "1"}
    assert [file.read_text() for file in tmp_path.iterdir()] == left

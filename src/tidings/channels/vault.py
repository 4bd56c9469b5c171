"""The one place where a secret is sealed and opened.

Secrets lie in the database as Fernet tokens (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec). The keys come from
the operator's environment or from a file that is made at first start; whoever has only the database cannot read a credential.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tidings.errors import Unavailable

if TYPE_CHECKING:
    from tidings.settings import Settings

KEY_FILE = "secret.keys"
_HEADER = "# Tidings seals credentials with these keys, newest first. Keep a copy apart from the database's: without it they are lost.\n"
_SECRETS = msgspec.json.Decoder(dict[str, str])


class VaultError(Unavailable):
    """Secrets cannot be sealed or opened with the keys at hand."""

    code = "vault_locked"
    title = "The credentials cannot be opened"


class Vault:
    """Seals with the newest key and opens with any.

    `reload` gives the keys as they are at this moment, and costs next to nothing where they are the same. It is asked before anything
    is sealed or signed, so that nothing is lost once an older key is thrown away, and before a signature is checked, because another
    process may have made it with a key that was added since this one began.
    """

    def __init__(self, keys: Sequence[bytes], reload: Callable[[], list[bytes]] | None = None) -> None:
        self._reload = reload
        self._keys: list[bytes] = []
        self._use(keys)

    def seal(self, values: Mapping[str, str]) -> bytes:
        """Lock away named secrets."""
        return self.seal_bytes(msgspec.json.encode(dict(values)))

    def open(self, sealed: bytes) -> dict[str, str]:
        """Give back what was sealed; nothing was sealed in no bytes at all. Raises VaultError when no key fits."""
        return _SECRETS.decode(self._with_newest_keys(lambda: self._fernet.decrypt(sealed))) if sealed else {}

    def seal_bytes(self, value: bytes) -> bytes:
        """Lock away one secret that is no text."""
        self._refresh()
        return self._fernet.encrypt(value)

    def open_bytes(self, sealed: bytes) -> bytes:
        """Give back what `seal_bytes` locked away. Raises VaultError when no key fits."""
        return self._with_newest_keys(lambda: self._fernet.decrypt(sealed))

    def rotate(self, sealed: bytes) -> bytes:
        """The same secrets under the newest key. Raises VaultError when no key fits."""
        return self._with_newest_keys(lambda: self._fernet.rotate(sealed)) if sealed else sealed

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, made from the newest key: it changes when the keys are rotated."""
        return self.derive_all(purpose)[0]

    def derive_all(self, purpose: str) -> list[bytes]:
        """Such a key from each of the keys, newest first: for checking what an older one signed."""
        self._refresh()
        keys, made = self._keys, self._made
        if purpose not in made:
            made[purpose] = [_derived(key, purpose) for key in keys]
        return list(made[purpose])

    def _refresh(self) -> None:
        """Use the keys there are now; those at hand where they cannot be read."""
        if self._reload is not None:
            with contextlib.suppress(VaultError):
                self._use(self._reload())

    def _use(self, keys: Sequence[bytes]) -> None:
        if list(keys) != self._keys:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
            self._keys = list(keys)
            self._made: dict[str, list[bytes]] = {}

    def _with_newest_keys(self, act: Callable[[], bytes]) -> bytes:
        with contextlib.suppress(InvalidToken):
            return act()
        if self._reload is not None:
            self._use(self._reload())
        try:
            return act()
        except InvalidToken:
            raise VaultError(
                "These credentials were sealed with a key that Tidings does not have now. Nothing is lost: bring the key back "
                f"(TIDINGS_SECRET_KEYS, or {KEY_FILE} in the home folder), or enter the credentials again."
            ) from None


def open_vault(settings: Settings) -> Vault:
    """The vault of this installation; it notices by itself when the key file is changed."""
    if settings.secret_keys is not None:
        return Vault(load_keys(settings))
    return Vault(load_keys(settings), reload=_KeyFile(settings))


class _KeyFile:
    """The keys of the file, which is read only when it is another than the last time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mark: tuple[int, int, int] | None = None
        """What is another once the file is, whether it was replaced or written over."""
        self._keys: list[bytes] = []

    def __call__(self) -> list[bytes]:
        path = self._settings.home / KEY_FILE
        try:
            found = path.stat()
        except OSError as error:
            # Whoever runs has keys: none is made in place of a file that was moved away.
            raise VaultError(f"The key file {path} is gone or cannot be read. Nothing is lost: bring it back.") from error
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        if mark != self._mark:
            self._keys = load_keys(self._settings)
            self._mark = mark
        return self._keys


def load_keys(settings: Settings) -> list[bytes]:
    """The installation's keys, newest first; the first start makes one. Raises VaultError when they cannot be read."""
    if settings.secret_keys is not None:
        return _checked(settings.secret_keys.get_secret_value().split(","), "TIDINGS_SECRET_KEYS")
    path = settings.home / KEY_FILE
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except OSError as error:
        raise VaultError(
            f"The key file {path} cannot be read or made ({error.strerror}). Let the user who runs Tidings read and write it, "
            "or give the keys in TIDINGS_SECRET_KEYS. Nothing was changed."
        ) from error


def add_key(settings: Settings) -> None:
    """Put a new key in front of the key file. Raises VaultError where the keys come from the environment."""
    if settings.secret_keys is not None:
        raise VaultError("The keys come from TIDINGS_SECRET_KEYS: put a new one in front there and restart, then rotate.")
    keys = load_keys(settings)
    path = settings.home / KEY_FILE
    try:
        os.replace(_written_beside(path, [Fernet.generate_key(), *keys]), path)  # noqa: PTH105 - replaces atomically
    except OSError as error:
        raise VaultError(f"The key file {path} cannot be written ({error.strerror}). The keys are as they were.") from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _written_beside(path, [Fernet.generate_key()])
    try:
        # Of several processes that start at once one makes the file whole; the others find it there.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def _written_beside(path: Path, keys: Sequence[bytes]) -> Path:
    """A whole, durable file for its owner's eyes only, ready to take the place of `path`."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(_HEADER + "".join(f"{key.decode()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _read(path: Path) -> list[bytes]:
    lines = (line.strip() for line in path.read_text().splitlines())
    return _checked([line for line in lines if line and not line.startswith("#")], str(path))


def _checked(keys: Sequence[str], where: str) -> list[bytes]:
    found = [key.strip().encode() for key in keys if key.strip()]
    if not found or not all(_is_key(key) for key in found):
        raise VaultError(
            f"{where} must hold one or more keys, each 32 random bytes in URL-safe base64 (44 characters), newest first. "
            "`openssl rand -base64 32 | tr '+/' '-_'` makes one."
        )
    return found


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == 32
    except (binascii.Error, ValueError):
        return False


def _derived(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tidings:{purpose}".encode()).derive(base64.urlsafe_b64decode(key))

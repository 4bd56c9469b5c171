"""Files in a bucket of S3, or of a service that speaks it: MinIO, Ceph, R2, Garage, …

By obstore (Rust's object_store): one wheel, asyncio, every kind of AWS credential. It checks each upload by its length and each answer by
its signature's hash; large files go in parts, and appear only once all are there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from tidings.errors import Unavailable
from tidings.files.storage.base import CHUNK, BytesLost, Key, StorageDown

if TYPE_CHECKING:
    from tidings.settings import Settings

_RETRY_SECONDS = 10
_REQUEST_SECONDS = 30


class Bucket:
    """The storage of an installation that names a bucket."""

    def __init__(self, settings: Settings) -> None:
        try:
            import obstore  # noqa: PLC0415 - an optional extra
            from obstore.store import S3Store  # noqa: PLC0415
        except ImportError as error:
            raise Unavailable("TIDINGS_S3_BUCKET is set, but what speaks S3 is not installed: pip install 'tidings[s3]'.") from error
        self._s3 = obstore
        self._errors: tuple[type[Exception], ...] = (obstore.exceptions.BaseError, OSError)
        self._store = S3Store(settings.s3_bucket, **_options(settings))
        self._prefix = f"{settings.s3_prefix}/" if settings.s3_prefix else ""
        self._place = f"the bucket {settings.s3_bucket}" + (f" at {settings.s3_endpoint}" if settings.s3_endpoint else "")

    @property
    def place(self) -> str:
        return self._place

    async def put(self, key: Key, file: BinaryIO, size: int) -> None:
        file.seek(0)
        try:
            await self._s3.put_async(self._store, self._name(key), file, use_multipart=size > CHUNK * 32)
        except self._errors as error:
            raise self._down("written", error) from error

    async def read(self, key: Key) -> AsyncIterator[bytes]:
        try:
            found = await self._s3.get_async(self._store, self._name(key))
            async for piece in found.stream(min_chunk_size=CHUNK):
                yield bytes(piece)
        except FileNotFoundError:
            raise BytesLost("The file's bytes are no longer in the storage.") from None
        except self._errors as error:
            raise self._down("read", error) from error

    async def has(self, key: Key) -> bool:
        try:
            await self._s3.head_async(self._store, self._name(key))
        except FileNotFoundError:
            return False
        except self._errors as error:
            raise self._down("looked up", error) from error
        return True

    async def remove(self, key: Key) -> None:
        try:
            await self._s3.delete_async(self._store, self._name(key))
        except FileNotFoundError:
            return
        except self._errors as error:
            raise self._down("removed", error) from error

    def _name(self, key: Key) -> str:
        return f"{self._prefix}{key}"

    def _down(self, done: str, error: Exception) -> StorageDown:
        # The library's sentence names the request and the service's own words; the secret is in neither.
        return StorageDown(f"The file cannot be {done} in {self._place}: {_first_line(error)} Nothing was changed.")


def _options(settings: Settings) -> dict[str, Any]:
    secret = settings.s3_secret_access_key
    options: dict[str, Any] = {
        "region": settings.s3_region,
        "virtual_hosted_style_request": not settings.s3_path_style,
        "client_options": {"allow_http": settings.s3_endpoint.startswith("http://"), "timeout": timedelta(seconds=_REQUEST_SECONDS)},
        "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    }
    if settings.s3_endpoint:
        options["endpoint"] = settings.s3_endpoint if settings.s3_path_style else _with_bucket(settings.s3_endpoint, settings.s3_bucket)
    if settings.s3_access_key_id and secret is not None:
        options |= {"access_key_id": settings.s3_access_key_id, "secret_access_key": secret.get_secret_value()}
    return options


def _with_bucket(endpoint: str, bucket: str) -> str:
    """The library wants the bucket in the host's name itself."""
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=f"{bucket}.{parts.netloc}"))


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0][:300]
    return text if text.endswith(".") else f"{text}."

"""What the operator may set, all of it by environment variables that begin with TIDINGS_ (and DATABASE_URL)."""

from __future__ import annotations

import functools
import ipaddress
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The installation's settings. Every one has a default that is safe on a single machine."""

    model_config = SettingsConfigDict(env_prefix="TIDINGS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("tidings"))
    """Where the embedded database, keys and uploads live."""
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """postgresql://… of your own PostgreSQL 15 or newer; without it an embedded one runs under `home`."""
    host: str = "127.0.0.1"
    """Address the API and dashboard listen on; 0.0.0.0 for every one of this machine's."""
    port: int = Field(default=8710, ge=1, le=65535)
    """Port they listen on."""
    public_url: str = ""
    """How the outside world reaches this server (https://…); providers send receipts there. Empty: they cannot."""
    trusted_proxies: str = ""
    """Comma-separated addresses or networks of reverse proxies whose X-Forwarded-For is believed. Empty: none is."""
    secret_keys: SecretStr | None = None
    """Comma-separated Fernet keys, newest first. Without it a key file is made under `home` at first start."""

    api_pool_size: int = Field(default=10, ge=1, le=200)
    """Database connections in each of an API process's pools."""
    worker_pool_size: int = Field(default=10, ge=4, le=200)
    """The same for each worker process."""
    worker_channels: int = Field(default=128, ge=1, le=1000)
    """Channels one worker drains at once. One that waits for its pace holds its place, so this is not less than what is to be busy at once."""
    worker_runs: int = Field(default=2500, ge=1, le=20_000)
    """Channels one worker polls or keeps a standing session for; each takes a connection, so the limit on open files must allow them."""
    health_seconds: float = Field(default=180.0, ge=5, le=86_400)
    """How often each channel is probed, give or take a fifth."""
    slice_seconds: float = Field(default=3.0, gt=0.1, le=30)
    """How long a worker serves one channel before the others get their turn."""

    upload_limit_bytes: int = Field(default=5 * 1024 * 1024, ge=1024)
    """The largest spreadsheet anyone may upload."""
    import_row_limit: int = Field(default=200_000, ge=1)
    """The most rows one spreadsheet may have."""
    media_limit_bytes: int = Field(default=25 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    """The largest file that is fetched from a provider for whoever reads a message."""
    file_limit_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024)
    """The largest file anyone may upload to go with messages; a channel's provider may take less."""
    file_total_bytes: int = Field(default=1024 * 1024 * 1024, ge=1024)
    """What all uploaded files of one workspace may come to."""
    file_days: int = Field(default=90, ge=1, le=3650)
    """An uploaded file that nothing has used for so long is deleted; one that something is still to be sent with is kept."""
    file_link_hours: float = Field(default=24, ge=1, le=168)
    """How long a provider that takes a file by its address only can fetch it from this server."""
    s3_bucket: str = ""
    """Keep uploaded files in this bucket of S3, or of whatever speaks it, instead of under `home`. Needs `tidings[s3]`."""
    s3_endpoint: str = ""
    """Where a service that is not Amazon's answers: https://minio.internal:9000. Empty: Amazon's own, by the region."""
    s3_region: str = "us-east-1"
    """The bucket's region; most other services take any."""
    s3_access_key_id: str = ""
    """Empty: the key comes from the machine's role, or the AWS_… variables."""
    s3_secret_access_key: SecretStr | None = None
    """The secret half of that key."""
    s3_path_style: bool = True
    """The bucket as the first part of the path, as most other services want it; false: as the first part of the host's name."""
    s3_prefix: str = ""
    """What the names of all objects begin with, where the bucket holds other things too."""
    link_days: float = Field(default=7, gt=0, le=365)
    """How long a one-time link, by which a person joins their chat to a contact, can be opened."""
    allowed_api_base_urls: str = ""
    """Comma-separated origins that a channel's `api_base_url` may point at, and that HTTP gateway channels may call though private. Empty: none."""
    login_attempts_per_minute: int = Field(default=10, ge=1)
    """Of one address and of one account, before further ones have to wait."""
    send_requests_per_minute: int = Field(default=6000, ge=1)
    """Of one workspace to the endpoints that send."""
    metrics_token: SecretStr | None = None
    """Asked of whoever reads /metrics. Set it where the server can be reached from outside."""
    secure_cookies: bool = False
    """Set when the dashboard is served over https, so that cookies never travel in the clear."""
    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for one object a line."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least important lines that are written."""

    @field_validator("home")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        # Without a scheme the drivers would go to whatever PostgreSQL this machine happens to have.
        if value and not value.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
            raise ValueError("write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in value.split(","):
            if part.strip():
                ipaddress.ip_network(part.strip(), strict=False)
        return value

    @field_validator("s3_prefix")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        return value.strip("/")

    @field_validator("public_url", "s3_endpoint")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    def may_override_base_url(self, url: str) -> bool:
        """Say whether the operator allows a channel to speak to this address instead of the provider's own."""
        allowed = [origin.strip().rstrip("/") for origin in self.allowed_api_base_urls.split(",") if origin.strip()]
        return any(url == origin or url.startswith(origin + "/") for origin in allowed)


@functools.cache
def settings() -> Settings:
    """The process's settings, read once. Only entry points (cli, app, worker) call this; all else is handed what it needs."""
    return Settings()

"""The app and its callers, and a bucket at a real S3 server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.api.conftest import app, client, other_workspace, settings, workspace
from tests.messages.site import api, other_api, worker

__all__ = ["api", "app", "client", "other_api", "other_workspace", "s3", "settings", "worker", "workspace"]


@dataclass(frozen=True)
class S3:
    """Where a bucket is."""

    endpoint: str
    bucket: str


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """moto's server: an S3 of its own making, in a thread of this process."""
    import boto3
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port}"
        known = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="tidings", aws_secret_access_key="secret"
        )
        known.create_bucket(Bucket="tidings")
        yield S3(endpoint, "tidings")
    finally:
        server.stop()

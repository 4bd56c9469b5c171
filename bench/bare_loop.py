"""The bare loop that Tidings is compared with: the same requests by pyreqwest, the fastest of the HTTP libraries, and nothing else.

    python -m bench.bare_loop --url http://127.0.0.1:PORT -n 20000 --concurrency 64

No queue, no database, no limits, no accounting: what is lost in a crash is lost. It posts the same form with the same
authentication, and reads the JSON that comes back, as anyone would who wants the message's id.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta

import uvloop
from pyreqwest.client import Client, ClientBuilder

from bench.traffic import ACCOUNT, TOKEN, bodies


async def post_all(url: str, count: int, concurrency: int) -> float:
    """Post `count` messages; return the seconds it took."""
    # The address is the account's own, as the provider in src/tidings/providers/twilio makes it.
    target = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    async with (
        ClientBuilder()
        .follow_redirects(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent("Tidings")
        .default_headers({"accept": "application/json"})
        .timeout(timedelta(seconds=30))
        .max_connections(512)
        .build() as client
    ):
        forms = bodies(count)
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(_post(client, target, forms))
        return time.perf_counter() - begun


async def _post(client: Client, target: str, forms: Iterator[dict[str, str]]) -> None:
    for form in forms:
        response = await client.post(target).basic_auth(ACCOUNT, TOKEN).form(form).build().send()
        assert response.status == 201
        assert (await response.json())["sid"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("-n", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    arguments = parser.parse_args()
    seconds = uvloop.run(post_all(arguments.url, arguments.n, arguments.concurrency))
    print(json.dumps({"seconds": seconds, "per_second": arguments.n / seconds}), flush=True)


if __name__ == "__main__":
    main()

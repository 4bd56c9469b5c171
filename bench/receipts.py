"""(d) Receipts: signed Twilio callbacks over HTTP, each answered 200 only when it is written, and all of them applied.

Every callback tells of another message that it was delivered. Requests and signatures are made beforehand, and sent over kept-alive
connections by a client that does nothing else: what is measured is the server. The client has its share of the processor, though.
"""

from __future__ import annotations

import time
from urllib.parse import urlencode
from uuid import UUID

from bench.api_server import api_server
from bench.channel_seed import add_channel
from bench.installation import installation, open_database
from bench.options import Options
from bench.processes import cpu_seconds
from bench.raw_client import post_all, request_bytes
from bench.report import Report
from bench.seed import add_sent_messages, add_workspace
from bench.traffic import ACCOUNT, PUBLIC_URL, SENDER, TOKEN, address, sid
from tidings.core.ids import show_id
from tidings.providers.twilio.receipts import REFERENCE
from tidings.providers.twilio.signature import sign

DEFAULT_N = 20_000
CONNECTIONS = 64


async def run(options: Options) -> Report:
    """Post them all; then look whether every message has arrived where its receipt says."""
    count = options.n or DEFAULT_N
    report = Report("receipts", details={"n": count, "connections": CONNECTIONS})
    async with installation() as inst, open_database(inst.url) as database, api_server(inst) as api:
        workspace_id = await add_workspace(database)
        channel_id = await add_channel(inst, database, workspace_id, "")
        ids = await add_sent_messages(database, workspace_id, channel_id, count)
        requests = [_callback(channel_id, index, message_id, api.port) for index, message_id in enumerate(ids)]
        before = cpu_seconds(api.process.pid), cpu_seconds(inst.postgres_pid)
        begun = time.perf_counter()
        statuses = await post_all(api.port, requests, CONNECTIONS)
        seconds = time.perf_counter() - begun
        after = cpu_seconds(api.process.pid), cpu_seconds(inst.postgres_pid)
        delivered = await database.pool.fetchval(
            "SELECT count(*) FROM messages WHERE workspace_id = $1 AND status = 'delivered' AND delivered_at IS NOT NULL", workspace_id
        )
        kept = await database.pool.fetchval(
            "SELECT count(*) FROM receipts WHERE workspace_id = $1 AND message_id IS NOT NULL", workspace_id
        )
    report.figures["receipts_per_second"] = count / seconds
    report.checks |= {
        "every one was answered 200": statuses == {200: count},
        "every message is delivered": delivered == count,
        "every receipt is kept with its message": kept == count,
    }
    report.details |= {
        "statuses": {str(status): number for status, number in statuses.items()},
        "api_us_each": (after[0] - before[0]) / count * 1e6,
        "postgres_us_each": (after[1] - before[1]) / count * 1e6,
    }
    return report


def _callback(channel_id: UUID, index: int, message_id: UUID, port: int) -> bytes:
    path = f"/hooks/{channel_id.hex}?{REFERENCE}={show_id('msg', message_id)}"
    form = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": SENDER,
        "MessageSid": sid(index),
        "MessageStatus": "delivered",
        "SmsSid": sid(index),
        "SmsStatus": "delivered",
        "To": address(index),
    }
    signature = sign(TOKEN, PUBLIC_URL + path, form.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"}
    return request_bytes("POST", path, port, urlencode(form).encode(), headers)

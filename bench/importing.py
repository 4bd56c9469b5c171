"""(c) Import: a spreadsheet of 100,000 rows uploaded over HTTP, read, judged, confirmed, until every contact is there.

`rows_100k_seconds` is the upload, the preview, the confirmation and the making of the contacts together, without the time that a
person would look at the preview. Memory is that of each program with all its processes, sampled twenty times a second.
"""

from __future__ import annotations

import asyncio
import json
import time
from io import BytesIO
from typing import Any
from uuid import UUID

import xlsxwriter

from bench.api_server import ApiServer, add_api_key, api_server
from bench.campaign_run import wait_for_worker
from bench.installation import installation, open_database
from bench.options import Options
from bench.processes import Memory
from bench.raw_client import Connection, request_bytes
from bench.report import Report
from bench.seed import add_workspace
from bench.traffic import name
from tidings.db.database import Database

DEFAULT_N = 100_000
_LONGEST_SECONDS = 600.0
_BOUNDARY = "bench-boundary-5f2b1c"
_MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"
_NAMED = 100_000


async def run(options: Options) -> Report:
    """Upload, confirm, wait, count."""
    count = options.n or DEFAULT_N
    sheet = await asyncio.to_thread(make_sheet, count)
    report = Report("import", details={"n": count, "file_mb": len(sheet) / 1e6})
    async with (
        installation() as inst,
        open_database(inst.url) as database,
        inst.worker() as worker,
        api_server(inst) as api,
    ):
        workspace_id = await add_workspace(database)
        key = await add_api_key(database, workspace_id)
        await wait_for_worker(database, worker)
        async with Memory({"api": api.process.pid, "worker": worker.pid, "postgres": inst.postgres_pid}, 0.05) as memory:
            begun = time.monotonic()
            uploaded = await _ask(api, key, "POST", "/api/v1/imports", _form(sheet), content_type=_MULTIPART)
            preview_seconds = time.monotonic() - begun
            await _ask(api, key, "POST", f"/api/v1/imports/{uploaded['id']}/confirm")
            done = await _wait_until_done(api, key, uploaded["id"], begun)
            seconds = time.monotonic() - begun
        await _check(report, database, workspace_id, count, done)
    if count == _NAMED:
        report.figures["rows_100k_seconds"] = seconds
    report.figures |= {
        "rows_per_second": count / seconds,
        "import_peak_mb": max(memory.peak("api"), memory.peak("worker")),
    }
    report.details |= {
        "upload_and_preview_seconds": preview_seconds,
        "contacts_seconds": seconds - preview_seconds,
        "api_peak_mb": memory.peak("api"),
        "api_before_mb": memory.samples["api"][0][1],
        "worker_peak_mb": memory.peak("worker"),
        "worker_before_mb": memory.samples["worker"][0][1],
    }
    return report


def make_sheet(count: int) -> bytes:
    """As people keep them: a heading, names in two columns, numbers in four spellings, a town."""
    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": False, "constant_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["First name", "Last name", "Mobile", "Town"])
        for index in range(count):
            first, last = name(index).split()
            page.write_row(index + 1, 0, [first, last, _spelling(index), ("Nairobi", "Mombasa", "Kisumu", "Nakuru")[index % 4]])
    return file.getvalue()


def _spelling(index: int) -> str | int:
    number = f"7{index + 1_000_000:08d}"
    match index % 4:
        case 0:
            return f"+254{number}"
        case 1:
            return f"0{number}"
        case 2:
            return int(f"254{number}")  # what a spreadsheet makes of a number that nobody marked as text
        case _:
            return f"0{number[:3]} {number[3:6]} {number[6:]}"


def _form(sheet: bytes) -> bytes:
    def part(head: str, body: bytes) -> bytes:
        return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + body + b"\r\n"

    mapping = {"name": ["A", "B"], "phone": "C", "attributes": {"town": "D"}}
    return (
        part('name="mapping"', json.dumps(mapping).encode())
        + part('name="group_name"', b"Everybody")
        + part('name="file"; filename="people.xlsx"', sheet)
        + f"--{_BOUNDARY}--\r\n".encode()
    )


async def _ask(api: ApiServer, key: str, method: str, path: str, body: bytes = b"", *, content_type: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": content_type}
    async with Connection("127.0.0.1", api.port) as connection:
        status, answer = await connection.ask(request_bytes(method, path, api.port, body, headers))
    if status >= 300:
        raise RuntimeError(f"{method} {path} was answered with {status}: {answer[:500]!r}")
    return json.loads(answer)


async def _wait_until_done(api: ApiServer, key: str, import_id: str, begun: float) -> Any:
    while True:
        found = await _ask(api, key, "GET", f"/api/v1/imports/{import_id}")
        if found["status"] == "done":
            return found
        if time.monotonic() - begun > _LONGEST_SECONDS:
            raise RuntimeError(f"The import is not done after {_LONGEST_SECONDS:.0f} seconds: {found['status']}")
        await asyncio.sleep(0.1)


async def _check(report: Report, database: Database, workspace_id: UUID, count: int, done: Any) -> None:
    contacts = await database.pool.fetchval("SELECT count(*) FROM contacts WHERE workspace_id = $1", workspace_id)
    points = await database.pool.fetchval("SELECT count(*) FROM contact_points WHERE workspace_id = $1", workspace_id)
    members = await database.pool.fetchval("SELECT count(*) FROM group_members WHERE workspace_id = $1", workspace_id)
    report.checks["every row became a contact with its number"] = contacts == points == count == done["contacts_created"]
    report.checks["all of them are in the group"] = members == count

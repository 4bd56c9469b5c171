"""A campaign from the request to the balanced ledger, with a worker beside the app."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from tests.messages.site import Api, raw, until
from tidings.campaigns import export, service
from tidings.campaigns.fan_out import fan_out

EVERYONE = {"all": True}
FINAL = ("delivered", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting")


async def launch(api: Api, **more: Any) -> str:
    body = {"name": "Sale", "text": "Hello {{ first_name|default('there') }}", "audience": EVERYONE, "send_now": True, **more}
    return (await api.post("/campaigns", body))["id"]


async def done(api: Api, campaign_id: str) -> Any:
    found = await api.get(f"/campaigns/{campaign_id}")
    assert found["ledger"]["balances"] or found["status"] == "launching", found
    return found if found["finished_at"] else None


async def make_mixed_audience(api: Api) -> None:
    """Fifty who are reached, and one for each way in which somebody is not."""
    await api.make_contacts(50)
    await api.make_contact("Wrong number", "+254715550001")
    await api.make_contact('=HYPERLINK("http://evil")', "+254715550002")
    await api.make_contact("Opted out there", "+254715550003")
    await api.make_contact("No answer", "+254715550004")
    await api.make_contact("No word", "+254715550009")
    await api.make_contact("Opted out here", "+254712999999")
    await api.database.pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'sms', '+254712999999', 'keyword')", api.caller.id
    )


def sums(ledger: dict[str, Any]) -> dict[str, int]:
    return {word: ledger[word] for word in FINAL if ledger[word]}


async def test_everybody_is_accounted_for(api: Api, worker: None) -> None:
    await make_mixed_audience(api)
    campaign_id = await launch(api)
    found = await until(lambda: done(api, campaign_id))
    assert found["status"] == "done"
    assert found["ledger"]["accepted"] == 56
    assert sums(found["ledger"]) == {"delivered": 50, "sent": 1, "failed": 3, "unknown": 1, "suppressed": 1}
    assert found["progress"]["fraction"] == 1.0

    rows = (await api.get(f"/campaigns/{campaign_id}/recipients", params={"status": ["failed", "unknown", "suppressed"]}))["items"]
    assert {row["name"]: (row["status"], row["reason"]) for row in rows} == {
        "Wrong number": ("failed", "invalid_address"),
        '=HYPERLINK("http://evil")': ("failed", "unreachable"),
        "Opted out there": ("failed", "opted_out"),
        "No answer": ("unknown", "timeout"),
        "Opted out here": ("suppressed", "opted_out"),
    }
    assert all(row["reason_meaning"] for row in rows)
    await check_listing(api, campaign_id)
    await check_csv(api, campaign_id)
    await check_xlsx(api, campaign_id)
    story = await api.get(f"/messages/{rows[0]['message']}/timeline")
    assert "campaign “Sale”" in story["steps"][0]["sentence"]
    message = await api.get(f"/messages/{rows[0]['message']}")
    assert message["text"].startswith("Hello ")


async def check_listing(api: Api, campaign_id: str) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = await api.get(f"/campaigns/{campaign_id}/recipients", params={"limit": 20, **({"cursor": cursor} if cursor else {})})
        seen += [row["address"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 56
    for search in ("0715550001", "+254715550001", "wrong", "5550001"):
        found = (await api.get(f"/campaigns/{campaign_id}/recipients", params={"search": search}))["items"]
        assert [row["name"] for row in found] == ["Wrong number"], search
    assert (await api.get(f"/campaigns/{campaign_id}/recipients", params={"search": "nobody at all"}))["items"] == []


async def check_csv(api: Api, campaign_id: str) -> None:
    answer = await api.ask("GET", f"/campaigns/{campaign_id}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == len({row["message"] for row in rows}) == 56
    assert [row["status"] for row in rows].count("delivered") == 50
    evil = next(row for row in rows if row["address"] == "+254715550002")
    assert evil["name"] == '\'=HYPERLINK("http://evil")'
    assert (evil["reason"], evil["detail"]) == ("unreachable", "Sandbox: this phone cannot be reached.")


async def check_xlsx(api: Api, campaign_id: str) -> None:
    answer = await api.ask("GET", f"/campaigns/{campaign_id}/export", params={"format": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    rows = list(book["Ledger"].iter_rows(values_only=True))
    assert rows[0][:3] == ("name", "address", "status")
    assert len(rows) == 57
    names = [row[0] for row in rows]
    assert '=HYPERLINK("http://evil")' in names
    assert book["Ledger"].cell(names.index('=HYPERLINK("http://evil")') + 1, 1).data_type == "s"


async def test_paused_nothing_leaves_and_resumed_it_goes_on(api: Api, worker: None) -> None:
    await api.make_contacts(60)
    await api.database.pool.execute("""UPDATE channels SET limits = '{"per_second": 20, "burst": 1}'""")
    campaign_id = await launch(api)
    await until(lambda: moved(api, campaign_id, 5))
    paused = await api.put(f"/campaigns/{campaign_id}/pause")
    assert (paused["status"], paused["progress"]["finish_at"]) == ("paused", None)
    stood = await until(lambda: settled(api, campaign_id))
    assert 0 < stood["waiting"] < 60
    again = await until(lambda: settled(api, campaign_id))
    assert again == stood
    resumed = (await api.ask("DELETE", f"/campaigns/{campaign_id}/pause")).json()
    assert resumed["status"] == "sending"
    found = await until(lambda: done(api, campaign_id))
    assert sums(found["ledger"]) == {"delivered": 60}


async def moved(api: Api, campaign_id: str, count: int) -> Any:
    ledger = (await api.get(f"/campaigns/{campaign_id}"))["ledger"]
    return ledger if ledger["accepted"] - ledger["waiting"] >= count else None


async def settled(api: Api, campaign_id: str) -> Any:
    """The ledger once a second has changed nothing in it."""
    before = (await api.get(f"/campaigns/{campaign_id}"))["ledger"]
    await asyncio.sleep(1.2)
    after = (await api.get(f"/campaigns/{campaign_id}"))["ledger"]
    return after if before == after else None


async def test_while_it_runs_its_pace_and_end_are_told(api: Api, worker: None) -> None:
    await api.make_contacts(100)
    await api.database.pool.execute("""UPDATE channels SET limits = '{"per_second": 20, "burst": 1}'""")
    campaign_id = await launch(api)

    async def measured() -> Any:
        found = await api.get(f"/campaigns/{campaign_id}")
        return found if found["status"] == "sending" and found["progress"]["per_second"] > 0 else None

    found = await until(measured)
    assert 1 < found["progress"]["per_second"] < 60
    assert 0 < found["progress"]["fraction"] <= 1
    if found["ledger"]["waiting"]:
        left = datetime.fromisoformat(found["progress"]["finish_at"]) - datetime.now(UTC)
        assert timedelta(0) < left < timedelta(seconds=100)
    await api.put(f"/campaigns/{campaign_id}/cancellation")


async def test_cancelled_what_had_not_left_is_taken_back_and_counted(api: Api, worker: None) -> None:
    await api.make_contacts(60)
    await api.database.pool.execute("""UPDATE channels SET limits = '{"per_second": 20, "burst": 1}'""")
    campaign_id = await launch(api)
    await until(lambda: moved(api, campaign_id, 5))
    await api.put(f"/campaigns/{campaign_id}/cancellation")
    found = await until(lambda: done(api, campaign_id))
    assert found["status"] == "cancelled"
    assert found["ledger"]["waiting"] == 0
    assert found["ledger"]["cancelled"] > 0
    assert found["ledger"]["delivered"] + found["ledger"]["cancelled"] == 60
    await api.ask("DELETE", f"/campaigns/{campaign_id}/pause", 409)


async def test_a_scheduled_campaign_leaves_by_itself_at_its_time(api: Api, worker: None) -> None:
    await api.make_contacts(3)
    at = datetime.now(UTC) + timedelta(seconds=2)
    campaign_id = await launch(api, send_now=False, scheduled_at=at.isoformat())
    found = await until(lambda: done(api, campaign_id))
    assert sums(found["ledger"]) == {"delivered": 3}
    assert datetime.fromisoformat(found["launched_at"]) >= at
    rows = await api.database.pool.fetch("SELECT actor_label FROM audit_log WHERE action = 'campaign.launched'")
    assert [row["actor_label"] for row in rows] == ["schedule"]


async def test_a_scheduled_campaign_taken_back_in_time_stays(api: Api, worker: None) -> None:
    await api.make_contacts(3)
    at = datetime.now(UTC) + timedelta(seconds=2)
    campaign_id = await launch(api, send_now=False, scheduled_at=at.isoformat())
    await api.ask("PATCH", f"/campaigns/{campaign_id}", json={"scheduled_at": None})
    await asyncio.sleep(4)
    assert (await api.get(f"/campaigns/{campaign_id}"))["status"] == "draft"
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 0


async def test_only_failed_and_unknown_are_sent_to_again_and_each_once(api: Api, worker: None) -> None:
    await make_mixed_audience(api)
    campaign_id = await launch(api)
    await api.ask("POST", f"/campaigns/{campaign_id}/resends", 409, json={"statuses": ["failed"]})
    await until(lambda: done(api, campaign_id))
    # They got themselves other phones meanwhile, which the sandbox does not fail.
    await api.database.pool.execute("UPDATE messages SET address = '+254713' || right(address, 6) WHERE status IN ('failed', 'unknown')")

    again = await api.post(f"/campaigns/{campaign_id}/resends", {"statuses": ["failed"]}, headers={"Idempotency-Key": "again"})
    assert again == await api.post(f"/campaigns/{campaign_id}/resends", {"statuses": ["failed"]}, headers={"Idempotency-Key": "again"})
    assert (again["resend_of"], again["audience"]["resend_statuses"]) == (campaign_id, ["failed"])
    found = await until(lambda: done(api, again["id"]))
    assert sums(found["ledger"]) == {"delivered": 3}
    answer = await api.ask("POST", f"/campaigns/{campaign_id}/resends", 409, json={"statuses": ["failed"]})
    assert answer.json()["code"] == "nobody_to_resend"

    both = await api.post(f"/campaigns/{campaign_id}/resends", {"statuses": ["failed", "unknown"]})
    found = await until(lambda: done(api, both["id"]))
    assert sums(found["ledger"]) == {"delivered": 1}
    (row,) = (await api.get(f"/campaigns/{both['id']}/recipients"))["items"]
    assert (row["name"], row["possible_duplicate"]) == ("No answer", True)
    story = await api.get(f"/messages/{row['message']}/timeline")
    assert story["steps"][0]["sentence"].startswith("Sent again, in the campaign “Sale (again to failed, unknown)”, because msg_")


async def test_resends_at_the_same_moment_reach_nobody_twice(api: Api, worker: None) -> None:
    await make_mixed_audience(api)
    campaign_id = await launch(api)
    await until(lambda: done(api, campaign_id))
    path = f"/api/v1/campaigns/{campaign_id}/resends"
    answers = await asyncio.gather(*(api.client.post(path, json={"statuses": ["failed"]}, headers=api.caller.headers) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    (again,) = [one.json()["id"] for one in answers if one.status_code == 201]
    await until(lambda: done(api, again))
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages WHERE resend_of IS NOT NULL") == 3


async def test_it_expires_where_nothing_may_leave_in_time(api: Api, worker: None) -> None:
    await api.make_contacts(3)
    campaign_id = await launch(api, valid_for_seconds=1, send_now=False)
    await api.put(f"/campaigns/{campaign_id}/launch")
    await api.put(f"/campaigns/{campaign_id}/pause")
    await asyncio.sleep(2.5)
    await api.ask("DELETE", f"/campaigns/{campaign_id}/pause")
    found = await until(lambda: done(api, campaign_id))
    assert set(sums(found["ledger"])) <= {"expired", "delivered"}
    assert sum(sums(found["ledger"]).values()) == 3


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
async def test_a_long_ledger_is_split_over_sheets_and_pages(api: Api, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 7)
    monkeypatch.setattr(export, "SHEET_ROWS", 11)
    await api.make_contacts(25)
    campaign_id = await launch(api)
    await fan_out(api.database, api.caller.id, raw("cmp", campaign_id))
    answer = await api.ask("GET", f"/campaigns/{campaign_id}/export", params={"format": file_format})
    if file_format == "csv":
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]
    else:
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        assert book.sheetnames == ["Ledger", "Ledger 2", "Ledger 3"]
        rows = [row for sheet in book for row in list(sheet.iter_rows(values_only=True))[1:]]
    assert len(rows) == len({row[1] for row in rows}) == 25


async def test_a_page_of_the_fan_out_that_comes_between_does_not_unbalance_the_ledger(api: Api) -> None:
    made = await api.post("/campaigns", {"name": "Sale", "text": "Hello", "audience": {"all": True}})
    campaign_id, pool = raw("cmp", made["id"]), api.database.pool
    async with api.database.workspace(api.caller.id) as session:
        campaign = await service.get_campaign(session, api.caller.id, campaign_id)
        await pool.execute("INSERT INTO campaign_counts VALUES ($1, $2, 'queued', 5)", api.caller.id, campaign_id)
        await pool.execute("UPDATE campaigns SET accepted = accepted + 5 WHERE id = $1", campaign_id)
        ledger = (await service.ledgers(session, api.caller.id, [campaign]))[campaign_id]
    assert ledger.balances
    assert (ledger.accepted, ledger.waiting) == (5, 5)


@pytest.mark.parametrize("own", [True, False], ids=["PostgreSQL 18", "older ones"])
async def test_recipients_get_ids_in_order_of_time_from_postgresql_of_any_version(
    api: Api, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidings.campaigns.fan_out._makes_ids", lambda _: own)
    await api.make_contacts(25)
    first = await launch(api)
    await fan_out(api.database, api.caller.id, raw("cmp", first))
    pool = api.database.pool
    await pool.execute("UPDATE messages SET status = 'failed', error_code = 'unreachable', settled_at = now()")
    await pool.execute("UPDATE campaigns SET status = 'done', finished_at = now()")
    again = (await api.post(f"/campaigns/{first}/resends", {"statuses": ["failed"]}))["id"]
    await fan_out(api.database, api.caller.id, raw("cmp", again))
    ids = [await pool.fetch("SELECT id FROM messages WHERE campaign_id = $1 ORDER BY id", raw("cmp", one)) for one in (first, again)]
    assert [len(each) for each in ids] == [25, 25]
    assert {row["id"].version for each in ids for row in each} == {7}
    assert ids[0][-1]["id"] < ids[1][0]["id"]

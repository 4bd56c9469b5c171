"""Imports over the API: upload, look, correct, confirm."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.contacts.imports import files
from tests.contacts.test_contacts_api import audit, create, names
from tidings.contacts.imports import run
from tidings.contacts.imports.jobs import RunImport, resume_imports, run_import
from tidings.core.ids import read_id
from tidings.db.database import Database
from tidings.settings import Settings
from tidings.workspaces.access import system_access

URL = "/api/v1/imports"
MESSY = [
    ["Name", "Phone"], ["Ann", "0712 000 001"], ["Bob", 712000002], ["Twin of Ann", "+254712000001"], [None, None],
    ["Old", "0712000009"], ["Bad", "0712"],
]  # fmt: skip


async def upload(
    client: httpx2.AsyncClient, workspace: Caller, content: bytes, *, name: str = "people.xlsx", key: str | None = None, **form: str
) -> httpx2.Response:
    headers = workspace.headers | ({"Idempotency-Key": key} if key else {})
    return await client.post(URL, files={"file": (name, content)}, data=form, headers=headers)


async def uploaded(client: httpx2.AsyncClient, workspace: Caller, content: bytes, **form: str) -> dict[str, Any]:
    answer = await upload(client, workspace, content, **form)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def confirm(client: httpx2.AsyncClient, workspace: Caller, found: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{URL}/{found['id']}/confirm", headers=workspace.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_sheet_is_judged_row_by_row_before_anything_is_made(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await create(client, workspace, name="Old", phone="0712000009")
    found = await uploaded(client, workspace, files.xlsx(MESSY))
    counts = {key: found[key] for key in ("rows", "valid", "duplicates", "existing", "errors", "header_rows", "status")}
    assert counts == {"rows": 5, "valid": 2, "duplicates": 1, "existing": 1, "errors": 1, "header_rows": 1, "status": "ready"}
    assert [(row["row"], row["verdict"]) for row in found["first_rows"]] == [
        (2, "valid"), (3, "valid"), (4, "duplicate_in_file"), (6, "existing"), (7, "invalid"),
    ]  # fmt: skip
    assert found["first_rows"][2]["error"] == "The same number is in row 2."
    (error,) = found["first_errors"]
    assert (error["row"], error["phone"], error["error"]) == (7, "0712", "The number is too short: 4 digits.")
    assert await names(client, workspace) == ["Old"]


async def test_confirming_makes_the_valid_ones_and_puts_all_in_the_group(
    client: httpx2.AsyncClient, workspace: Caller, app: FastAPI
) -> None:
    await create(client, workspace, name="Old", phone="0712000009")
    found = await uploaded(client, workspace, files.xlsx(MESSY), group_name="Customers")
    assert (await client.get("/api/v1/groups", headers=workspace.headers)).json()["items"] == []
    done = await confirm(client, workspace, found)
    assert (done["status"], done["contacts_created"], done["contacts_skipped"], done["errors"]) == ("done", 2, 2, 1)
    assert await names(client, workspace) == ["Bob", "Ann", "Old"]
    assert await names(client, workspace, search="0712000002") == ["Bob"]
    (group,) = (await client.get("/api/v1/groups", headers=workspace.headers)).json()["items"]
    assert (group["name"], group["contact_count"], group["id"]) == ("Customers", 3, done["group_id"])

    again = await confirm(client, workspace, found)
    assert again == done
    rows = (await client.get(f"{URL}/{found['id']}/rows", headers=workspace.headers)).json()["items"]
    assert [row["verdict"] for row in rows] == ["created", "created", "duplicate_in_file", "skipped", "invalid"]
    for action in ("import.uploaded", "import.confirmed", "import.finished"):
        assert len(await audit(app, workspace, action)) == 1, action
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM import_files") == 0


async def test_the_same_sheet_twice_makes_everyone_once(client: httpx2.AsyncClient, workspace: Caller) -> None:
    for expected in (2, 0):
        done = await confirm(client, workspace, await uploaded(client, workspace, files.xlsx(MESSY[:4]), group_name="Customers"))
        assert done["contacts_created"] == expected
    assert len(await names(client, workspace)) == 2
    (group,) = (await client.get("/api/v1/groups", headers=workspace.headers)).json()["items"]
    assert group["contact_count"] == 2


async def test_an_upload_repeated_under_one_key_is_one_import(client: httpx2.AsyncClient, workspace: Caller) -> None:
    content = files.xlsx(MESSY)
    first = await upload(client, workspace, content, key="upload-1")
    second = await upload(client, workspace, content, key="upload-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert len((await client.get(URL, headers=workspace.headers)).json()["items"]) == 1


async def test_a_row_corrected_by_hand_is_judged_anew_with_its_twins(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> None:
    found = await uploaded(client, workspace, files.xlsx(MESSY))

    async def correct(row: int, **values: str) -> dict[str, Any]:
        answer = await client.patch(f"{URL}/{found['id']}/rows/{row}", json=values, headers=workspace.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert (await correct(7, phone="0712 000 007", name="Good"))["verdict"] == "valid"
    assert (await correct(3, phone="0712 000 007"))["verdict"] == "valid", "row 3 comes first now"
    rows = {row["row"]: row for row in (await client.get(f"{URL}/{found['id']}/rows", headers=workspace.headers)).json()["items"]}
    assert rows[7]["verdict"] == "duplicate_in_file"
    assert (await correct(2, phone="nonsense"))["verdict"] == "invalid"
    rows = {row["row"]: row for row in (await client.get(f"{URL}/{found['id']}/rows", headers=workspace.headers)).json()["items"]}
    assert rows[4]["verdict"] == "valid", "its twin in row 2 is gone"
    assert rows[2]["corrected"]

    now = (await client.get(f"{URL}/{found['id']}", headers=workspace.headers)).json()
    assert (now["valid"], now["duplicates"], now["errors"]) == (3, 1, 1)
    missing = await client.patch(f"{URL}/{found['id']}/rows/99", json={"name": "x"}, headers=workspace.headers)
    assert missing.status_code == 404
    assert len(await audit(app, workspace, "import.row_corrected")) == 3


async def test_another_mapping_reads_the_file_again_and_keeps_corrections(client: httpx2.AsyncClient, workspace: Caller) -> None:
    sheet = [["Code", "Who", "Tel", "Town"], ["1", "Ann", "0712000001", "Nairobi"], ["2", "Bob", "bad", "Thika"]]
    found = await uploaded(client, workspace, files.xlsx(sheet), mapping='{"phone": "A"}')
    assert found["errors"] == 2
    await client.patch(f"{URL}/{found['id']}/rows/3", json={"phone": "0712000002", "name": "Robert"}, headers=workspace.headers)
    body = {"mapping": {"name": "Who", "phone": "C", "attributes": {"town": "Town"}}}
    changed = (await client.patch(f"{URL}/{found['id']}", json=body, headers=workspace.headers)).json()
    assert [(row["name"], row["address"], row["attributes"]) for row in changed["first_rows"]] == [
        ("Ann", "+254712000001", {"town": "Nairobi"}), ("Robert", "+254712000002", {"town": "Thika"}),
    ]  # fmt: skip
    await confirm(client, workspace, found)
    (bob,) = (await client.get("/api/v1/contacts", params={"search": "robert"}, headers=workspace.headers)).json()["items"]
    assert bob["attributes"] == {"town": "Thika"}
    late = await client.patch(f"{URL}/{found['id']}", json=body, headers=workspace.headers)
    assert late.status_code == 409


async def test_rows_are_listed_by_verdict_in_pages(client: httpx2.AsyncClient, workspace: Caller) -> None:
    found = await uploaded(client, workspace, files.csv("".join(f"N{n},{'bad' if n % 2 else f'07120000{n:02}'}\n" for n in range(10))))
    params: dict[str, Any] = {"verdict": "invalid", "limit": 3}
    first = (await client.get(f"{URL}/{found['id']}/rows", params=params, headers=workspace.headers)).json()
    rest = (
        await client.get(f"{URL}/{found['id']}/rows", params=params | {"cursor": first["next_cursor"]}, headers=workspace.headers)
    ).json()
    assert [row["row"] for row in first["items"] + rest["items"]] == [2, 4, 6, 8, 10]
    assert rest["next_cursor"] is None


async def test_a_cancelled_import_makes_nothing(client: httpx2.AsyncClient, workspace: Caller) -> None:
    found = await uploaded(client, workspace, files.xlsx(MESSY))
    gone = await client.delete(f"{URL}/{found['id']}", headers=workspace.headers)
    assert gone.json()["status"] == "cancelled"
    assert (await client.post(f"{URL}/{found['id']}/confirm", headers=workspace.headers)).status_code == 409
    assert await names(client, workspace) == []


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"%PDF-1.4", "contacts.xlsx", "PDF"),
        (files.bomb(megabytes=450), "bomb.xlsx", "unpacks"),
        (files.xlsx(MESSY)[:3000], "cut.xlsx", "damaged"),
        (files.stray_cell(), "stray.xlsx", "too much memory"),
    ],
)
async def test_a_file_that_cannot_be_read_leaves_nothing_behind(
    client: httpx2.AsyncClient, workspace: Caller, app: FastAPI, content: bytes, name: str, says: str
) -> None:
    answer = await upload(client, workspace, content, name=name)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "unreadable_file")
    assert says in problem["detail"]
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM imports") == 0


async def test_a_wrong_extension_is_no_matter(client: httpx2.AsyncClient, workspace: Caller) -> None:
    found = await uploaded(client, workspace, files.csv("Ann;0712000001\n", "utf-16"))
    assert (found["format"], found["valid"], found["filename"]) == ("csv", 1, "people.xlsx")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"mapping": "{"}, "mapping"),
        ({"mapping": '{"fone": "B"}'}, "mapping"),
        ({"mapping": '{"attributes": {"two words": "C"}}'}, "mapping.attributes.two words"),
        ({"group_id": "grp_01h455vb4pex5vsknk084sn02q"}, "group_id"),
        ({"group_id": "nonsense"}, "group_id"),
    ],
)
async def test_a_form_that_cannot_be_used_is_refused(
    client: httpx2.AsyncClient, workspace: Caller, form: dict[str, str], field: str
) -> None:
    answer = await upload(client, workspace, files.xlsx(MESSY), **form)
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in answer.json()["errors"]]


class TestLimits:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(_env_file=None, home=tmp_path, api_pool_size=5, upload_limit_bytes=20_000, import_row_limit=5)

    async def test_what_is_over_the_limits_is_refused(self, client: httpx2.AsyncClient, workspace: Caller) -> None:
        large = await upload(client, workspace, b"Ann,0712000001\n" * 2000)
        assert (large.status_code, large.json()["code"]) == (413, "too_large")
        long = await upload(client, workspace, b"Ann,0712000001\n" * 6)
        assert long.status_code == 422
        assert "more than 5 rows" in long.json()["detail"]


async def test_another_workspace_finds_no_import(client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller) -> None:
    found = await uploaded(client, workspace, files.xlsx(MESSY))
    url = f"{URL}/{found['id']}"
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/rows"), ("PATCH", "/rows/2"), ("POST", "/confirm")):
        body = {} if method == "PATCH" else None
        assert (await client.request(method, f"{url}{path}", json=body, headers=other_workspace.headers)).status_code == 404, (method, path)


async def test_a_big_import_is_the_workers_and_survives_a_crash_between_any_two_steps(
    client: httpx2.AsyncClient, workspace: Caller, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "AT_ONCE", 10)
    monkeypatch.setattr(run, "STEP", 7)
    database: Database = app.state.database
    sheet = files.csv("".join(f"N{n},0712{n:06}\n" for n in range(40)))
    found = await uploaded(client, workspace, sheet, group_name="Many")
    assert (await confirm(client, workspace, found))["status"] == "importing"
    assert await database.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'run_import'") == 1

    import_id = read_id("imp", found["id"])
    assert isinstance(import_id, UUID)
    access = system_access(workspace.id, "test")
    async with database.workspace(workspace.id) as session:  # one step is carried out
        assert await run.import_step(session, access, import_id)

    async def cut_off() -> None:
        async with database.workspace(workspace.id) as session:
            await run.import_step(session, access, import_id)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):  # the next step, before its commit
        await cut_off()
    half = (await client.get(f"{URL}/{found['id']}", headers=workspace.headers)).json()
    assert (half["status"], half["contacts_created"]) == ("importing", 7)
    await database.pool.execute("DELETE FROM pgqueuer")  # the job is lost with the worker
    await resume_imports(database)
    await resume_imports(database)
    assert await database.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'run_import'") == 1

    for _ in range(2):  # a job that is taken over may run twice
        await run_import(database, RunImport(workspace_id=workspace.id, import_id=import_id))
    done = (await client.get(f"{URL}/{found['id']}", headers=workspace.headers)).json()
    assert (done["status"], done["contacts_created"], done["contacts_skipped"]) == ("done", 40, 0)
    (group,) = (await client.get("/api/v1/groups", headers=workspace.headers)).json()["items"]
    assert group["contact_count"] == 40
    assert len(await audit(app, workspace, "import.finished")) == 1


async def test_a_contact_made_by_somebody_else_since_the_preview_is_skipped_and_joins_the_group(
    client: httpx2.AsyncClient, workspace: Caller
) -> None:
    found = await uploaded(client, workspace, files.xlsx(MESSY[:3]), group_name="Customers")
    assert found["valid"] == 2
    await create(client, workspace, name="Faster", phone="0712000001")
    done = await confirm(client, workspace, found)
    assert (done["contacts_created"], done["contacts_skipped"]) == (1, 1)
    listed = await client.get(f"/api/v1/groups/{done['group_id']}/contacts", headers=workspace.headers)
    assert sorted(one["name"] for one in listed.json()["items"]) == ["Bob", "Faster"]


async def test_a_group_that_was_deleted_meanwhile_stops_a_confirmation_but_not_a_running_import(
    client: httpx2.AsyncClient, workspace: Caller, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = (await client.post("/api/v1/groups", json={"name": "Customers"}, headers=workspace.headers)).json()
    found = await uploaded(client, workspace, files.xlsx(MESSY[:3]), group_id=group["id"])
    await client.delete(f"/api/v1/groups/{group['id']}", headers=workspace.headers)
    refused = await client.post(f"{URL}/{found['id']}/confirm", headers=workspace.headers)
    assert refused.status_code == 409
    assert "group" in refused.json()["detail"]

    await client.patch(f"{URL}/{found['id']}", json={"group_name": "Others"}, headers=workspace.headers)
    monkeypatch.setattr(run, "AT_ONCE", 0)
    begun = await confirm(client, workspace, found)
    assert begun["status"] == "importing"
    await client.delete(f"/api/v1/groups/{begun['group_id']}", headers=workspace.headers)
    import_id = read_id("imp", found["id"])
    assert import_id
    await run_import(app.state.database, RunImport(workspace_id=workspace.id, import_id=import_id))
    assert len(await names(client, workspace)) == 2


async def test_an_opted_out_number_stays_opted_out_through_an_import(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = await create(client, workspace, name="Ann", phone="0712000001")
    await client.put(f"/api/v1/contacts/{made['id']}/opt-out", headers=workspace.headers)
    await client.delete(f"/api/v1/contacts/{made['id']}", headers=workspace.headers)
    await confirm(client, workspace, await uploaded(client, workspace, files.xlsx(MESSY[:3])))
    assert await names(client, workspace, opted_out=True) == ["Ann"]


async def test_the_example_sheet_comes_out_as_the_demo_says(client: httpx2.AsyncClient, workspace: Caller) -> None:
    content = (Path(__file__).parents[3] / "examples" / "contacts.xlsx").read_bytes()
    found = await uploaded(client, workspace, content, group_name="Customers")
    assert (found["rows"], found["errors"]) == (1000, 35)
    assert found["valid"] + found["duplicates"] == 965
    done = await confirm(client, workspace, found)
    assert (done["status"], done["contacts_created"], done["contacts_skipped"]) == ("done", found["valid"], found["duplicates"])
    assert (await names(client, workspace, search="zoe lefevre"))[0] == "Zoé Lefèvre"

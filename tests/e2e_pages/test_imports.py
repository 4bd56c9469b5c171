"""A spreadsheet on its way in, in a real browser: read, looked at, mended, confirmed."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site

pytestmark = IN_BROWSER
SHEET = """Full name,Mobile,Town
Amina Hassan,0712 345 678,Nairobi
John Otieno,+254 733 000 111,Kisumu
Grace Wanjiru,0722 000 33,Nakuru
Peter Mwangi,0712345678,Thika
Fatuma Ali,not a number,Mombasa
"""


async def test_a_sheet_is_read_mended_and_imported_into_a_new_group(signed_in: Page, site: Site, tmp_path: Path) -> None:
    page = signed_in
    await page.goto(f"{site.address}/imports")
    await shoot(page, "imports-empty")
    await page.get_by_role("link", name="Import a spreadsheet").click()
    await shoot(page, "import-new")
    await page.get_by_role("button", name="Read the file").click()
    await expect(page.get_by_text("Choose a file first.")).to_be_visible()
    (tmp_path / "customers.csv").write_text(SHEET)
    await page.set_input_files("[name=file]", tmp_path / "customers.csv")
    await page.get_by_label("Also to a new group").check()
    await page.get_by_label("Name of the new group").fill("Market day")
    await page.get_by_role("button", name="Read the file").click()
    await expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    await expect(page.locator(".row-invalid")).to_have_count(2)
    await page.get_by_role("heading", name="Columns").click()
    await page.get_by_label("What column C is").select_option("attribute")
    await shoot(page, "import-preview")
    await page.get_by_role("button", name="Read again so").click()
    await expect(page.locator("#notices")).to_contain_text("read again")
    await page.get_by_label("Phone in row 4").fill("0722 000 333")
    await page.keyboard.press("Enter")
    await expect(page.locator(".row-invalid")).to_have_count(1)
    await expect(page.locator("#import-tabs")).to_contain_text("To mend1")
    await expect(page.get_by_role("button", name="Import 3 contacts")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("corrected", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Import 3 contacts").click()
    await page.get_by_role("dialog").get_by_role("button", name="Import 3 contacts").click()
    await expect(page.locator("#notices")).to_contain_text("3 new contacts")
    await shoot(page, "import-done")
    await page.goto(f"{site.address}/imports")
    await shoot(page, "imports")


async def test_a_large_sheet_shows_its_progress(signed_in: Page, site: Site, tmp_path: Path) -> None:
    page = signed_in
    rows = "".join(f"Person {number},+2547{number:08}\n" for number in range(10_000_000, 10_012_000))
    (tmp_path / "many.csv").write_text("Name,Phone\n" + rows)
    await page.goto(f"{site.address}/imports/new")
    await page.set_input_files("[name=file]", tmp_path / "many.csv")
    await page.get_by_role("button", name="Read the file").click()
    await page.get_by_role("button", name="Import 12,000 contacts").click(timeout=30_000)
    await expect(page.get_by_text("New contacts")).to_be_visible(timeout=30_000)
    await expect(page.locator(".stat-value").first).to_have_text("12,000")


async def test_a_file_that_is_no_sheet_is_refused_at_its_field(signed_in: Page, site: Site, tmp_path: Path) -> None:
    page = signed_in
    (tmp_path / "report.xlsx").write_bytes(b"%PDF-1.7 nothing")
    await page.goto(f"{site.address}/imports/new")
    await page.set_input_files("[name=file]", tmp_path / "report.xlsx")
    await page.get_by_role("button", name="Read the file").click()
    await expect(page.get_by_text("This is a PDF document, not a spreadsheet")).to_be_visible()
    await page.goto(f"{site.address}/imports")
    await expect(page.get_by_text("No imports yet")).to_be_visible()

"""Contacts and groups in a real browser: found while typing, grouped, opted out, changed."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.contacts.models import Address, NewContact
from tidings.contacts.service import create_contacts

pytestmark = IN_BROWSER
PEOPLE = ("Amina Hassan", "John Otieno", "Grace Wanjiru", "Peter Mwangi", "Fatuma Ali", "Zainabu Juma", "")


@pytest_asyncio.fixture(loop_scope="session")
async def people(site: Site) -> None:
    wanted = [
        NewContact(
            name=name, addresses=(Address(medium="sms", address=f"07123456{number:02}"),), attributes={"city": "Nairobi", "balance": 12}
        )
        for number, name in enumerate(PEOPLE)
    ]
    async with site.database.workspace(site.workspace_id) as session:
        await create_contacts(session, site.access, wanted)


async def test_a_first_contact_is_typed_in_with_help_where_it_is_wrong(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/contacts")
    await shoot(page, "contacts-empty")
    await page.get_by_role("link", name="Type one in").click()
    await page.get_by_role("textbox", name="Name", exact=True).fill("Amina Hassan")
    await page.get_by_label("Number or address").fill("0712 34")
    await page.get_by_label("Name of attribute 1").fill("city")
    await page.get_by_label("Value of attribute 1").fill("Nairobi")
    await page.get_by_role("button", name="Add the contact").click()
    await expect(page.locator("#error-phone")).to_contain_text("The phone")
    await shoot(page, "contact-new-fault")
    await page.get_by_label("Number or address").fill("0712 345 678")
    await page.get_by_role("button", name="Add the contact").click()
    await expect(page.locator("#notices")).to_contain_text("Amina Hassan is a contact now.")
    await expect(page.get_by_text("Africa/Nairobi")).to_be_visible()


@pytest.mark.usefixtures("people")
async def test_people_are_found_while_typing_and_put_in_a_group(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/groups")
    await shoot(page, "groups-empty")
    await page.get_by_role("link", name="Make a group").click()
    await page.get_by_role("textbox", name="Name").fill("Market day")
    await page.get_by_role("button", name="Make the group").click()
    await page.get_by_role("button", name="Add contacts").first.click()
    dialog = page.get_by_role("dialog", name="Add contacts to")
    await expect(dialog.get_by_role("checkbox")).to_have_count(7)
    await dialog.get_by_role("searchbox").fill("john")
    await expect(dialog.get_by_role("checkbox")).to_have_count(1)
    await dialog.get_by_role("checkbox").check()
    await dialog.get_by_role("button", name="Add the chosen ones").click()
    await expect(page.locator("#notices")).to_contain_text("1 contact joined.")
    await page.goto(f"{site.address}/contacts")
    await page.get_by_role("searchbox").fill("zain")
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await page.get_by_role("searchbox").fill("")
    await expect(page.locator("#list tbody tr")).to_have_count(7)
    await page.get_by_label("Select Amina Hassan").check()
    await page.get_by_label("Select Grace Wanjiru").check()
    await shoot(page, "contacts-selected")
    await page.get_by_label("Group", exact=True).select_option("Market day")
    await page.get_by_role("button", name="Add to group").click()
    await expect(page.locator("#notices")).to_contain_text("2 contacts joined “Market day”.")
    await page.goto(f"{site.address}/groups")
    await shoot(page, "groups")
    await page.get_by_role("link", name="Market day").click()
    await expect(page.locator("#list tbody tr")).to_have_count(3)
    await shoot(page, "group")
    await page.get_by_label("Select John Otieno").check()
    await page.get_by_role("button", name="Take out of the group").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take out").click()
    await expect(page.locator("#list tbody tr")).to_have_count(2)


@pytest.mark.usefixtures("people")
async def test_a_contact_is_opted_out_changed_and_deleted(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/contacts")
    await page.get_by_role("link", name="Amina Hassan").click()
    await page.get_by_role("checkbox", name="may be written to").uncheck()
    await expect(page.locator("#notices")).to_contain_text("Nothing more is sent to this address")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("dialog").get_by_label("Reached by").select_option("email")
    await page.get_by_role("dialog").get_by_label("Number or address").fill("Amina@Example.com")
    await page.get_by_role("button", name="Add it").click()
    await expect(page.get_by_text("amina@example.com")).to_be_visible()
    await shoot(page, "contact")
    await page.get_by_role("link", name="Edit").first.click()
    await page.get_by_label("Value of attribute 2").fill("15.5")
    await page.get_by_label("Language").fill("sw")
    await shoot(page, "contact-edit")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("15.5")).to_be_visible()
    await page.goto(f"{site.address}/contacts?opted_out=yes")
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await shoot(page, "contacts")
    await page.get_by_role("link", name="Amina Hassan").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator("#notices")).to_contain_text("The contact is deleted.")

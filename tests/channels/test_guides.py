"""How a channel is set up, as whoever sets it up reads it: beside the form, in the form's own words, to the same end for every provider."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

from tests.api.conftest import Caller
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels.guides import anchor, read_guide
from tidings.commands.providers import _told
from tidings.providers import PROVIDERS

GUIDES = Path(__file__).parents[2] / "docs" / "channels"
ENDS = ["What it costs, and its limits", "When it stops working", "What was proved, and with what"]
PROOFS = ["Sending, errors, receipts and replies", "The simulator itself", "The steps above", "Not proved"]
FIELDS_NAMED_TOGETHER = {"apprise": {"Apprise address"}, "http": {"Content type of a raw body"}}
"""Labels that a guide has no need to name: the form shows them where they are wanted."""


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


def test_there_is_a_guide_for_each_provider_and_no_other() -> None:
    assert {path.stem for path in GUIDES.glob("*.md")} == set(PROVIDERS)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_guide_calls_each_field_what_the_form_calls_it(kind: str) -> None:
    card = PROVIDERS[kind].description
    text = (GUIDES / f"{kind}.md").read_text()
    labels = {one.label for one in card.fields if not one.section} | ({card.sender_label} if card.sender_label else set())
    assert not {label for label in labels - FIELDS_NAMED_TOGETHER.get(kind, set()) if label not in text}
    assert f"choose **{card.label}**" in text


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_guide_ends_with_costs_troubles_and_what_was_proved(kind: str) -> None:
    guide = read_guide(kind)
    assert [words for _, words in guide.parts][-3:] == ENDS
    assert guide.parts[0][1] == "Setting up"
    proved = (GUIDES / f"{kind}.md").read_text().partition(f"## {ENDS[-1]}")[2]
    assert re.findall(r"^- \*\*(.+?)\*\*:", proved, re.MULTILINE) == PROOFS
    assert re.match(r"\s*No account ", proved)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_guide_tells_of_a_provider_what_the_command_line_tells(kind: str) -> None:
    told = _told(PROVIDERS[kind].description)
    can, limits = told["capabilities"], told["limits"]
    rows = dict(re.findall(r"^\| ([a-z0-9 ]+) \| (.+) \|$", (GUIDES / f"{kind}.md").read_text(), re.MULTILINE))
    assert rows["tells what was delivered"].startswith("yes" if can["receipts"] else "no")
    assert ("read" in rows["tells what was delivered"]) == can["read_receipts"]
    assert rows["takes what people write"] == ("yes" if can["inbound"] else "no")
    assert rows["tells what the account has left"] == ("yes" if can["balance"] else "no")
    assert rows["requests at a time"] == str(limits["concurrency"])
    assert rows["messages a second"] == (f"{limits['per_second']:g}" if limits["per_second"] else "as fast as it goes")


def test_links_lead_to_other_guides_or_outside_and_codes_are_put_in_words() -> None:
    html = str(read_guide("myoperator").html)
    assert 'href="/channels/guide/whatsapp_cloud"' in html
    assert "Wrong credentials <code>invalid_credentials</code>" in html
    telegram = str(read_guide("telegram").html)
    assert "running channels" in telegram
    assert ".md" not in "".join(re.findall(r'href="([^"]*)"', telegram))
    assert 'href="https://console.twilio.com" target="_blank" rel="noopener noreferrer"' in str(read_guide("twilio").html)
    assert "<!--" not in telegram


def test_anchors_are_those_that_other_pages_link_to() -> None:
    for kind in PROVIDERS:
        assert "when-it-stops-working" in {name for name, _ in read_guide(kind).parts}
    assert anchor("What it costs, and its limits") == "what-it-costs-and-its-limits"


async def test_the_guide_is_one_press_away_from_the_form_and_the_channel(client: httpx2.AsyncClient) -> None:
    for kind in PROVIDERS:
        assert f'href="/channels/guide/{kind}"' in (await client.get(f"/channels/new/{kind}", headers=HTML)).text
        guide = await client.get(f"/channels/guide/{kind}", headers=HTML)
        assert guide.status_code == 200
        assert f'id="{anchor("Setting up")}"' in guide.text
    channel = (await submit(client, "/channels/new/sandbox", name="Try-out")).headers["location"]
    assert 'href="/channels/guide/sandbox"' in (await client.get(channel, headers=HTML)).text
    assert (await client.get("/channels/guide/carrier-pigeon", headers=HTML)).status_code == 404

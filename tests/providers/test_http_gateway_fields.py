"""What a channel of a gateway of one's own may look like: checked as a whole when it is saved."""

from __future__ import annotations

import pytest

from tests.simulators.gateway import API_KEY, URL, settings
from tidings.channels.rules import LONGEST_VALUE, split_fields
from tidings.errors import Invalid
from tidings.providers import provider

GATEWAY = provider("http")


def saved(**changes: str) -> dict[str, str]:
    plain, secret = split_fields(GATEWAY.description, {**settings(), "api_key": API_KEY, **changes})
    return {**plain, **secret}


def test_a_good_channel_is_saved_with_its_defaults() -> None:
    least = {"send_url": f"{URL}/x?to={{{{to}}}}", "body": '{"t": "{{text}}"}'}
    plain, _ = split_fields(GATEWAY.description, least)
    assert plain == {
        **least, "send_method": "POST", "body_kind": "json", "success_statuses": "200-299", "balance_currency": "credits",
        "inbound_addresses": "phone",
    }  # fmt: skip
    assert saved()["api_key"] == API_KEY


def test_a_long_template_fits() -> None:
    body = '{"to": "{{to}}", "text": "{{text}}", "more": "' + "x" * (LONGEST_VALUE - 60) + '"}'
    assert saved(body=body)["body"] == body


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("send_url", {"send_url": "gateway.example/x"}),
        ("send_url", {"send_url": "ftp://gateway.example/x"}),
        ("send_url", {"send_url": "https://{{sender}}.example/x"}),
        ("send_url", {"send_url": "https://gateway.example{{to}}/x"}),
        ("send_url", {"send_url": "https://gateway.example:{{to}}/x"}),
        ("send_url", {"send_url": "https://user:word@gateway.example/x"}),
        ("send_url", {"send_url": "https://gateway.example\\@10.0.0.1/x"}),
        ("send_url", {"send_url": "https://gateway.example/x#{{to}}"}),
        ("send_url", {"send_url": "https://gateway.example/{{password}}"}),
        ("send_url", {"send_url": "https://gateway.example/{{to"}),
        ("send_url", {"body": '{"to": "{{to}}"}'}),
        ("send_url", {"body": '{"text": "{{text}}"}'}),
        ("send_url", {"send_url": ""}),
        ("send_method", {"send_method": "DELETE"}),
        ("headers", {"headers": "no colon"}),
        ("headers", {"headers": "Two Words: x"}),
        ("headers", {"headers": "Host: inside"}),
        ("headers", {"headers": "transfer-encoding: chunked"}),
        ("headers", {"headers": "X-A: 1\nx-a: 2"}),
        ("headers", {"headers": "X-A: {{nothing}}"}),
        ("body", {"body": '{"to": {{to}}, "text": "{{text}}"}'}),
        ("body", {"body": "{{text}}{{to}}"}),
        ("body", {"body_kind": "form", "body": "to={{to}}&to={{text}}"}),
        ("body", {"body_kind": "form", "body": "{{to}}{{text}}"}),
        ("body", {"body_kind": "form", "body": "{{to}}={{text}}"}),
        ("body", {"body_kind": "raw", "body": '{"to": "{{to}} {{text}}"}', "content_type": "application/json"}),
        ("content_type", {"body_kind": "raw", "body": "{{to}} {{text}}"}),
        ("body", {"send_method": "GET"}),
        ("body_kind", {"body_kind": "xml"}),
        ("api_key", {"api_key": ""}),
        ("api_secret", {"headers": "X-A: {{api_secret}}"}),
        ("basic_user", {"basic_password": "word"}),
        ("success_statuses", {"success_statuses": "404"}),
        ("success_statuses", {"success_statuses": "299-200"}),
        ("success_statuses", {"success_statuses": "all"}),
        ("success_values", {"success_values": ""}),
        ("error_codes", {"error_codes": "no pairs"}),
        ("error_codes", {"error_codes": "theirs=our_own"}),
        ("check_url", {"check_url": f"{URL}/{{{{to}}}}"}),
        ("check_text", {"check_url": ""}),
        ("balance_path", {"balance_path": ""}),
        ("balance_currency", {"balance_currency": "shillings"}),
        ("receipt_status_path", {"receipt_status_path": ""}),
        ("receipt_statuses", {"receipt_statuses": ""}),
        ("receipt_statuses", {"receipt_statuses": "DELIVRD=arrived"}),
        ("receipt_id_path", {"receipt_id_path": "", "receipt_reference_path": ""}),
        ("inbound_from_path", {"inbound_from_path": ""}),
        ("inbound_text_path", {"inbound_text_path": ""}),
        ("body", {"body": "x" * (LONGEST_VALUE + 1)}),
    ],
)
def test_what_cannot_work_is_not_saved(field: str, changes: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        saved(**changes)
    assert f"fields.{field}" in {one.field for one in refused.value.errors}
    assert API_KEY not in repr(refused.value.errors)

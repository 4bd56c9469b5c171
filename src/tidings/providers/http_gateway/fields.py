"""What a channel of a gateway of one's own is made of, and what has to fit together in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tidings.providers.base import ErrorCode, Field
from tidings.providers.http_gateway import templates
from tidings.providers.http_gateway.answers import mapped
from tidings.providers.http_gateway.receipts import STATUSES

_STATUS = r"[23]\d\d(-[23]\d\d)?"
_PATH_HELP = "Such as data.0.id, or the JSON pointer /data/0/id. Several with commas: the first that is there."

_REQUEST = (
    Field(name="send_method", label="Method", pattern="GET|POST|PUT|PATCH", default="POST", example="POST"),
    Field(
        name="send_url",
        label="Address",
        help="Where a message is sent to. May hold {{to}}, {{to_plain}} (without the plus), {{text}}, {{id}}, {{sender}}, {{hook_url}}, "
        "{{api_key}} and {{api_secret}}; so may headers and body.",
        example="https://gateway.example/v1/messages",
        lines=2,
    ),
    Field(name="headers", label="Headers", help="“Name: value”, one on each line.", required=False, example="Authorization: Bearer {{api_key}}", lines=3),
    Field(name="body_kind", label="Kind of body", help="form, json or raw.", pattern="form|json|raw", default="json", example="json"),
    Field(
        name="body",
        label="Body",
        help="With json, placeholders stand inside quotes; with form, write to={{to}}&message={{text}}. Empty with GET.",
        required=False,
        example='{"to": "{{to}}", "message": "{{text}}"}',
        lines=8,
    ),
    Field(name="content_type", label="Content type of a raw body", required=False, pattern=r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)*", example="text/xml"),
    Field(name="api_key", label="API key", help="Stands where {{api_key}} does.", secret=True, required=False),
    Field(name="api_secret", label="API secret", help="Stands where {{api_secret}} does.", secret=True, required=False),
    Field(name="basic_user", label="User name", help="For HTTP basic authentication.", required=False, pattern=r"[^:\s]+"),
    Field(name="basic_password", label="Password", secret=True, required=False),
)  # fmt: skip
_ANSWER = (
    Field(
        name="success_statuses", label="Statuses that mean success", default="200-299", pattern=rf"{_STATUS}(, ?{_STATUS})*", example="200, 202"
    ),
    Field(name="success_path", label="Where the answer says how it went", help=_PATH_HELP, required=False, example="status"),
    Field(
        name="success_values",
        label="Words for success",
        help="What may stand there, with commas between. Without a place: how the answer begins.",
        required=False,
        example="success, queued",
    ),
    Field(
        name="failure_values",
        label="Words for failure",
        help="What certainly was not sent. Any other word leaves the message's fate unknown.",
        required=False,
        example="error, rejected",
    ),
    Field(name="id_path", label="Where the message's id stands", help=f"{_PATH_HELP} Empty: it is known by {{{{id}}}}.", required=False, example="data.id"),
    Field(name="error_path", label="Where the error stands", help=_PATH_HELP, required=False, example="error.code"),
    Field(
        name="error_codes",
        label="Their errors in our words",
        help=f"One a line, as no_credit=insufficient_balance. Ours are {', '.join(ErrorCode)}.",
        required=False,
        example="no_credit=insufficient_balance",
        lines=4,
    ),
)  # fmt: skip
_QUESTIONS = (
    Field(name="check_url", label="Free test request", help="An address to GET that costs nothing.", required=False, example="https://gateway.example/v1/me"),
    Field(name="check_text", label="What its answer holds", help="A piece of a good answer's text.", required=False),
    Field(name="balance_url", label="Balance request", help="An address to GET.", required=False, example="https://gateway.example/v1/balance"),
    Field(name="balance_path", label="Where the balance stands", help=_PATH_HELP, required=False, example="data.balance"),
    Field(name="balance_currency", label="Currency of the balance", pattern="[A-Z]{3}|credits", default="credits", example="KES"),
)  # fmt: skip
_HOOK = (
    Field(name="hook_items_path", label="Where the list of reports stands", help="If a call brings several.", required=False, example="results"),
    Field(name="hook_kind_path", label="Where the kind of report stands", help="If reports and messages look alike.", required=False, example="event"),
    Field(name="receipt_kinds", label="Kinds that are receipts", required=False, example="message.ack"),
    Field(name="inbound_kinds", label="Kinds that are messages from people", required=False, example="message"),
    Field(name="receipt_id_path", label="Receipt: their id", help=_PATH_HELP, required=False, example="id"),
    Field(name="receipt_reference_path", label="Receipt: our id", help="If they give {{id}} back.", required=False, example="reference"),
    Field(name="receipt_status_path", label="Receipt: status", help=_PATH_HELP, required=False, example="status"),
    Field(
        name="receipt_statuses",
        label="Their statuses in our words",
        help="One a line, as DELIVRD=delivered. Ours are sent, delivered, read and failed.",
        required=False,
        example="DELIVRD=delivered",
        lines=4,
    ),
    Field(name="receipt_error_path", label="Receipt: error", help=_PATH_HELP, required=False, example="error"),
    Field(name="inbound_from_path", label="Message: from", help=_PATH_HELP, required=False, example="from"),
    Field(name="inbound_text_path", label="Message: text", help=_PATH_HELP, required=False, example="text"),
    Field(name="inbound_id_path", label="Message: id", help="Knows a message again that is reported twice.", required=False, example="id"),
    Field(name="inbound_to_path", label="Message: to", help=_PATH_HELP, required=False, example="to"),
    Field(
        name="inbound_addresses",
        label="Addresses of people",
        help="phone: numbers, with or without a plus or “@…” behind. plain: as they are.",
        pattern="phone|plain",
        default="phone",
        example="phone",
    ),
)  # fmt: skip

_SECTIONS = {
    "What the gateway answers": _ANSWER,
    "Test and balance": _QUESTIONS,
    "What the gateway reports": _HOOK,
}
_TRIED = {"What the gateway answers"}
FIELDS = (
    *_REQUEST,
    *(replace(one, section=section, tried=section in _TRIED) for section, fields in _SECTIONS.items() for one in fields),
)


def faults(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong in the fields, by name; each field by itself has passed its pattern."""
    found = {
        "send_url": templates.address_fault(values["send_url"], templates.OF_MESSAGE),
        "headers": templates.headers_fault(values["headers"]),
        "body": templates.body_fault(values["body_kind"], values["body"], values["content_type"]),
        "success_statuses": _statuses_fault(values["success_statuses"]),
        "error_codes": _map_fault(values["error_codes"], frozenset(ErrorCode)),
        "receipt_statuses": _map_fault(values["receipt_statuses"], frozenset(STATUSES)),
    }
    for name in ("check_url", "balance_url"):
        found[name] = templates.address_fault(values[name], templates.OF_CHANNEL) if values[name] else None
    for name, fault in (*_lacking(values), *_secrets(values)):
        found[name] = found.get(name) or fault
    return {name: fault for name, fault in found.items() if fault}


def _lacking(values: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """What is missing beside what is there."""
    used = {
        *templates.placeholders(values["send_url"]),
        *templates.placeholders(values["headers"]),
        *templates.placeholders(values["body"]),
    }
    receipts = [name for name in ("receipt_id_path", "receipt_reference_path", "receipt_status_path", "receipt_statuses") if values[name]]
    lacking = [
        ("send_url", "text" not in used, "needs {{text}} in it, or in the body"),
        ("send_url", not used & {"to", "to_plain"}, "needs {{to}} or {{to_plain}} in it, or in the body"),
        ("body", values["send_method"] == "GET" and values["body"], "must be empty with the method GET"),
        ("content_type", values["body_kind"] == "raw" and values["body"] and not values["content_type"], "is required with a raw body"),
        ("basic_user", values["basic_password"] and not values["basic_user"], "is required with a password"),
        ("success_values", values["success_path"] and not values["success_values"], "are required with the place where they stand"),
        ("success_values", values["failure_values"] and not values["success_values"], "are required with words for failure"),
        ("balance_path", values["balance_url"] and not values["balance_path"], "is required with a balance request"),
        ("check_text", values["check_text"] and not values["check_url"], "needs a test request"),
        ("receipt_status_path", receipts and not values["receipt_status_path"], "is required for receipts"),
        ("receipt_statuses", receipts and not values["receipt_statuses"], "are required for receipts"),
        ("receipt_id_path", receipts and not (values["receipt_id_path"] or values["receipt_reference_path"]), "or our id is required for receipts"),
        ("inbound_from_path", values["inbound_text_path"] and not values["inbound_from_path"], "is required with the text"),
        ("inbound_text_path", values["inbound_from_path"] and not values["inbound_text_path"], "is required with the sender"),
    ]  # fmt: skip
    return [(name, fault) for name, is_lacking, fault in lacking if is_lacking]


def _secrets(values: Mapping[str, str]) -> list[tuple[str, str | None]]:
    everywhere = " ".join(values[name] for name in ("send_url", "headers", "body", "check_url", "balance_url"))
    used = set(templates.placeholders(everywhere))
    return [(name, f"is required: {{{{{name}}}}} is used") for name in templates.SECRETS if name in used and not values[name]]


def _map_fault(text: str, ours: frozenset[str]) -> str | None:
    try:
        strange = sorted(set(mapped(text).values()) - ours)
    except ValueError as error:
        return f"must be written as theirs=ours, but there is “{error}”"
    return f"has “{strange[0]}”, which is none of {', '.join(sorted(ours))}" if strange else None


def _statuses_fault(text: str) -> str | None:
    ranges = re.findall(r"(\d+)-(\d+)", text)
    return "has a range that ends before it begins" if any(int(low) > int(high) for low, high in ranges) else None

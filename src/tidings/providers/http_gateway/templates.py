"""Addresses, headers and bodies with placeholders such as {{to}}, filled in and encoded for the place they stand in.

A value is only ever put in once and never read as a template itself, so a text that holds "{{api_key}}" is sent as those very letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

import msgspec

SECRETS = ("api_key", "api_secret")
OF_CHANNEL = frozenset({"sender", "hook_url", *SECRETS})
OF_MESSAGE = OF_CHANNEL | {"to", "to_plain", "text", "id"}

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ORIGIN = re.compile(r"https?://[^/?#{}@\\\s]+(?=[/?]|$)", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONNECTION_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def placeholders(template: str) -> list[str]:
    """The names of all placeholders."""
    return _PLACEHOLDER.findall(template)


def fill(template: str, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
    """The template with each placeholder's encoded value. Raises KeyError for one that has none."""
    return _PLACEHOLDER.sub(lambda found: encode(values[found[1]]), template)


def unknown(template: str, known: frozenset[str]) -> str | None:
    """What is wrong with the placeholders, after "It …"; None where all are known."""
    strange = sorted(set(placeholders(template)) - known)
    if strange:
        return f"has {{{{{strange[0]}}}}}, which is none of {', '.join(f'{{{{{name}}}}}' for name in sorted(known))}"
    return "has {{ without a placeholder's name and }}" if "{{" in _PLACEHOLDER.sub("", template) else None


# --- the address --------------------------------------------------------------------------------------------------------


def address(template: str, values: Mapping[str, str]) -> str:
    """The address, each value percent-encoded. Raises ValueError where a value would lead to another path."""
    filled = fill(template, values, partial(quote, safe=""))
    # No encoding keeps ".." from being read as "the folder above": https://url.spec.whatwg.org/#double-dot-path-segment
    if {".", ".."} & set(filled.partition("?")[0].split("/")[3:]):
        raise ValueError("a dot segment in the path")
    return filled


def address_fault(template: str, known: frozenset[str]) -> str | None:
    """What is wrong with the template of an address."""
    if not _ORIGIN.match(template):
        return "must begin with https://, a host without placeholders or user names, and a slash"
    if "#" in template:
        return "may have no #: what follows it is never sent"
    return unknown(template, known)


# --- headers --------------------------------------------------------------------------------------------------------------


def headers(template: str, values: Mapping[str, str]) -> dict[str, str]:
    """The headers, a line each. Raises ValueError where a value would begin another line."""
    filled = {name: fill(value, values) for name, value in _header_lines(template)}
    if any(_UNPRINTABLE.search(value) for value in filled.values()):
        raise ValueError("a line break or another control character in a header")
    return filled


def headers_fault(template: str) -> str | None:
    """What is wrong with the template of headers."""
    names = set()
    for name, _ in _header_lines(template):
        if not _HEADER_NAME.fullmatch(name):
            return "must have one “Name: value” on each line"
        if name.lower() in _CONNECTION_HEADERS:
            return f"may not set {name}, which belongs to the connection"
        if name.lower() in names:
            return f"has {name} twice"
        names.add(name.lower())
    return unknown(template, OF_MESSAGE)


def _header_lines(template: str) -> list[tuple[str, str]]:
    lines = [line.strip() for line in template.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


# --- the body -------------------------------------------------------------------------------------------------------------


def json_body(template: str, values: Mapping[str, str]) -> Any:
    """The template's JSON with its texts filled in. It is encoded as a whole afterwards, so no value can leave its quotes."""
    return _filled(msgspec.json.decode(template), values)


def _filled(tree: Any, values: Mapping[str, str]) -> Any:
    match tree:
        case str():
            return fill(tree, values)
        case list():
            return [_filled(one, values) for one in tree]
        case dict():
            return {name: _filled(one, values) for name, one in tree.items()}
        case _:
            return tree


def form_body(template: str, values: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form written as `a=1&b={{text}}`, over several lines if wished. Encoded as a whole afterwards."""
    return {name: fill(value, values) for name, value in _form_pairs(template)}


def _form_pairs(template: str) -> list[tuple[str, str]]:
    return parse_qsl("".join(line.strip() for line in template.splitlines()), keep_blank_values=True, strict_parsing=True)


def raw_body(template: str, values: Mapping[str, str], content_type: str) -> bytes:
    """The text as it stands; in XML and HTML each value with its special letters escaped."""
    return fill(template, values, _in_xml if _is_markup(content_type) else str).encode()


def _in_xml(value: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", value), {'"': "&quot;", "'": "&apos;"})


def _is_markup(content_type: str) -> bool:
    return any(word in content_type.lower() for word in ("xml", "html"))


def body_fault(kind: str, template: str, content_type: str) -> str | None:
    """What is wrong with the template of a body."""
    if not template:
        return None
    try:
        if kind == "json":
            msgspec.json.decode(template)
        elif kind == "form":
            names = [name for name, _ in _form_pairs(template)]
            if len(set(names)) < len(names):
                return "has a field twice"
            if any(placeholders(name) for name in names):
                return "has a placeholder in a field's name"
        elif "json" in content_type.lower():
            return "is JSON: choose “json”, which escapes what is filled in"
    except msgspec.DecodeError as error:
        return f"is not JSON ({error}). Placeholders stand inside quotes"
    except ValueError:
        return "must be written as name={{to}}&other={{text}}"
    return unknown(template, OF_MESSAGE)

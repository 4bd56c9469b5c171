"""Valid input made from the OpenAPI schema: examples where there are some, else the plainest value that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Ids = Callable[[str], str | None]
"""An id for a prefix (`grp`), or None to leave it out."""


def sample(schema: dict[str, Any], whole: dict[str, Any], ids: Ids) -> Any:
    """A value of this schema. Strings that must be ids are asked of `ids`; optional parts appear only if they hold one."""
    schema = resolve(schema, whole)
    if "anyOf" in schema:
        schema = next((one for one in (resolve(each, whole) for each in schema["anyOf"]) if one.get("type") != "null"), {})
    if (prefix := id_prefix(schema)) is not None:
        return ids(prefix)
    match schema.get("type"):
        case "object":
            return _object(schema, whole, ids)
        case "array":
            value = sample(schema["items"], whole, ids)
            return [] if value is None else [value] * max(1, schema.get("minItems", 0))
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    return (schema.get("examples") or schema.get("enum") or [_plain(schema)])[0]


def id_prefix(schema: dict[str, Any]) -> str | None:
    """`grp` for a string that must be a group's id."""
    pattern = schema.get("pattern", "")
    return pattern[1:4] if pattern.startswith("^") and "_[0-7]" in pattern else None


def resolve(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def holds_id(schema: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Say whether an id may stand somewhere in it."""
    schema = resolve(schema, whole)
    if id_prefix(schema):
        return True
    parts = [*schema.get("anyOf", []), *schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return any(holds_id(part, whole) for part in parts)


def _object(schema: dict[str, Any], whole: dict[str, Any], ids: Ids) -> dict[str, Any]:
    example = next(iter(schema.get("examples", [])), {})
    made = {}
    for name, part in schema.get("properties", {}).items():
        if holds_id(part, whole):
            value = sample(part, whole, ids)
            if value not in (None, []) or name in schema.get("required", []):
                made[name] = value
        elif name in example:
            made[name] = example[name]
        elif name in schema.get("required", []):
            made[name] = sample(part, whole, ids)
    return made


def _plain(schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "x" * max(1, schema.get("minLength", 1))

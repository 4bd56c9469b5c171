"""docs/api.md tells of every endpoint, and of none that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
METHODS = ("get", "post", "put", "patch", "delete")
OUTSIDE = ("/health", "/ready", "/metrics")


def test_the_document_and_the_api_name_the_same_endpoints(app: FastAPI) -> None:
    told = {(method, path) for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`? ]+)`", DOCUMENT)}
    real = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if method in METHODS and (path.startswith("/api/v1") or path in OUTSIDE)
    }
    assert sorted(real - told) == []
    assert sorted(told - real) == []


def test_its_error_codes_are_those_of_the_engine() -> None:
    from tidings.providers.base import ErrorCode

    row = next(line for line in DOCUMENT.splitlines() if line.startswith("| `failed`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"failed"} == {code.value for code in ErrorCode}


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
def test_its_json_is_json(block: str) -> None:
    json.loads(block)

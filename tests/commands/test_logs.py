"""What must never stand in a log."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.plain_logs import plain_logs
from tidings.logs import clean_text, configure_logging, redact


@pytest.fixture(autouse=True)
def _put_back():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    plain_logs()


@pytest.mark.parametrize("name", ["password", "auth_token", "Authorization", "api_key", "client_secret", "credentials", "cookie"])
def test_a_value_under_a_secret_name_is_hidden_at_any_depth(name):
    event = redact(None, "info", {"event": "x", "outer": {"list": [{name: "hunter2"}]}, name: "hunter2"})
    assert "hunter2" not in repr(event)


@given(st.from_regex(r"\+[1-9][0-9]{8,14}", fullmatch=True))
def test_no_whole_phone_number_is_left_in_a_text(number):
    cleaned = clean_text(f"sending to {number} failed")
    assert number not in cleaned
    assert cleaned.startswith("sending to +")


def test_passwords_in_addresses_and_bearer_tokens_are_hidden():
    cleaned = clean_text("postgresql://me:s3cret@host/db Authorization: Bearer abc.def-ghi key tdk_live_123456")
    assert "s3cret" not in cleaned
    assert "abc.def" not in cleaned
    assert "123456" not in cleaned
    assert "host/db" in cleaned


def test_json_lines_hold_ours_and_libraries_alike_without_secrets(capsys):
    configure_logging(format="json", level="INFO")
    structlog.get_logger("tidings.test").info("sent", to="+4917012345678", auth_token="t0ps3cret")
    logging.getLogger("some.library").warning("calling %s", "https://user:pa55@example.com/")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ours["event"] == "sent"
    assert ours["to"] == "+4917…678"
    assert ours["auth_token"] == "***"
    assert theirs["event"] == "calling https://user:***@example.com/"
    assert theirs["level"] == "warning"


@pytest.mark.parametrize("chosen", ["json", "console"])
def test_a_traceback_shows_no_variables_and_no_secret_text(capsys, chosen):
    configure_logging(format=chosen, level="INFO")
    hidden_variable = "value-of-a-variable"
    try:
        int(f"tdk_abcdef999{len(hidden_variable)}")
    except ValueError:
        structlog.get_logger("tidings.test").exception("broke")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "abcdef999" not in said
    assert "value-of-a-variable" not in said


def test_quiet_libraries_are_heard_only_when_something_is_wrong(capsys):
    configure_logging(format="json", level="INFO")
    logging.getLogger("alembic.runtime").info("Context impl")
    logging.getLogger("alembic.runtime").warning("odd")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["odd"]

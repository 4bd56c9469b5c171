"""Started by root, the database runs as a system user of its own, which is made at the first start."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys

import pytest

from tidings.db.postgres_files import _find_system_user

pytestmark = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or shutil.which("useradd") is None, reason="only root can make a system user"
)


def test_many_that_start_together_on_a_fresh_machine_make_it_once() -> None:
    name = f"tidings-{secrets.token_hex(4)}"
    try:
        program = f"from tidings.db.postgres_files import _make_system_user; print(_make_system_user({name!r}))"
        starting = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(6)]
        made = {one.communicate(timeout=60)[0].strip() for one in starting}
        assert made == {str(_find_system_user(name))}
    finally:
        subprocess.run(["userdel", name], check=False, capture_output=True)

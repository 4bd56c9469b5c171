"""schemathesis reads the OpenAPI schema and sends what nobody thought of: right, nearly right and plainly wrong. Nothing may end in a 5xx."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from tests.api.belongings import make_belongings
from tests.api.conftest import Caller
from tests.api.serving import served
from tidings.app import create_app
from tidings.settings import Settings

EXAMPLES = 3
"""Of each endpoint and each mode, so that the whole takes about half a minute."""
SECONDS = 60
"""After this the rest is left out: a slow machine must not stall the run."""
EXPECTED = {503}  # a part elsewhere that does not answer, said in our own words


@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore")
async def test_no_request_ends_in_a_5xx(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, database_url: str) -> None:
    ids = await make_belongings(app, client, workspace)
    lenient = Settings(_env_file=None, home=app.state.settings.home, api_pool_size=5, login_attempts_per_minute=10_000)
    async with served(create_app(lenient, database_url)) as address:
        tried, faults = await asyncio.to_thread(_attack, address, workspace.headers, ids)
    assert faults == []
    assert tried >= 200


def _attack(address: str, headers: dict[str, str], ids: dict[str, str]) -> tuple[int, list[str]]:
    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 50
    until = time.monotonic() + SECONDS
    with requests.Session() as session:
        attack = _Attack(session, address, headers, ids)
        for operation, mode in ((one, mode) for mode in GenerationMode for one in operations):
            if time.monotonic() < until:
                attack.on(operation, mode)
    return attack.tried, attack.faults


class _Attack:
    def __init__(self, session: requests.Session, address: str, headers: dict[str, str], ids: dict[str, str]) -> None:
        self.session, self.address, self.headers, self.ids = session, address, headers, ids
        self.tried = 0
        self.faults: list[str] = []

    def on(self, operation: Any, mode: GenerationMode) -> None:
        """Send a few requests to one endpoint."""

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def send(case: Any, real: bool) -> None:
            if real:  # else the ids are made up, and most endpoints end at their 404
                case.path_parameters = {name: self.ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
            answer = self._send(case)
            self.tried += 1
            if answer.status_code >= 500 and answer.status_code not in EXPECTED:
                self.faults.append(f"{case.as_curl_command()} gave {answer.status_code}: {answer.text[:300]}")

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong about a request without input
            send()

    def _send(self, case: Any) -> requests.Response:
        """What `case.call` sends, on a kept connection. Its own way weighs the environment's proxies anew each time, which takes longer than the rest."""
        wanted = case.as_transport_kwargs(base_url=self.address, headers=self.headers)
        return self.session.send(requests.Request(**wanted).prepare(), timeout=30, allow_redirects=False)

"""`tidings openapi`: the API's description."""

from __future__ import annotations

from tidings.commands.installation import read_settings
from tidings.commands.terminal import print_json


def openapi() -> None:
    """Print the API's description (OpenAPI 3.1, JSON), for making clients and for reading.

    Needs no database. A running Tidings serves the same at /api/v1/openapi.json, and to read at /docs.

    [bold]Examples[/bold]

      tidings openapi > tidings.json
    """
    from tidings.app import create_app

    print_json(create_app(read_settings(), "postgresql://").openapi())

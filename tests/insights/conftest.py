"""As in tests/messages."""

from __future__ import annotations

from tests.api.conftest import app, client, other_workspace, settings, workspace
from tests.messages.site import api, other_api, worker

__all__ = ["api", "app", "client", "other_api", "other_workspace", "settings", "worker", "workspace"]

"""The app with a caller and a worker, for what goes over the API."""

from __future__ import annotations

from tests.messages.conftest import api, app, client, other_api, other_workspace, settings, worker, workspace

__all__ = ["api", "app", "client", "other_api", "other_workspace", "settings", "worker", "workspace"]

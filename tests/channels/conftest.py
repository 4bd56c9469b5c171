"""The whole app, as the API's tests have it."""

from tests.api.conftest import app, client, other_workspace, settings, workspace

__all__ = ["app", "client", "other_workspace", "settings", "workspace"]

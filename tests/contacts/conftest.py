"""The app, a workspace in Kenya and another one, for the contact tests."""

from tests.api.conftest import app, client, other_workspace, settings, workspace

__all__ = ["app", "client", "other_workspace", "settings", "workspace"]

from tests.api.conftest import app, client, other_workspace, settings, workspace  # noqa: F401

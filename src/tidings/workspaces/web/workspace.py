"""The page of the workspace's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from tidings.errors import FieldError, Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces import service
from tidings.workspaces.models import Workspace
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.schemas import SettingsInput
from tidings.workspaces.service import WorkspaceChanges
from tidings.workspaces.web.forms import Field, country_choices, field_errors, timezone_choices

router = APIRouter(prefix="/settings/workspace")
DEFAULT_MINUTES = "5, 10, 15"
DEFAULT_ATTEMPTS = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the form's fields."""

    name: str
    timezone: str
    default_region: str
    default_locale: str
    retry_minutes: str
    max_attempts: str


@router.get("")
async def workspace_page(request: Request, scope: Annotated[PageScope, require_page(Permission.WORKSPACE_READ, "workspace")]) -> Response:
    """The settings; a form for who may change them."""
    return _form(request, scope, _filled(await service.get_workspace(scope.session, scope.access)))


@router.post("")
async def change_workspace(  # noqa: PLR0917
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.WORKSPACE_WRITE, "workspace")],
    name: Field = "",
    timezone: Field = "",
    default_region: Field = "",
    default_locale: Field = "",
    retry_minutes: Field = DEFAULT_MINUTES,
    max_attempts: Field = DEFAULT_ATTEMPTS,
) -> Response:
    """Change them."""
    filled = Filled(
        name=name,
        timezone=timezone,
        default_region=default_region,
        default_locale=default_locale,
        retry_minutes=retry_minutes,
        max_attempts=max_attempts,
    )
    try:
        changes = WorkspaceChanges(
            name=name.strip(),
            timezone=timezone,
            default_region=default_region,
            default_locale=default_locale.strip(),
            settings=_read_retries(retry_minutes, max_attempts),
        )
        await service.change_workspace(scope.session, scope.access, changes)
    except Invalid as error:
        return _form(request, scope, filled, errors=field_errors(error), status_code=422)
    response = go_to(request, "/settings/workspace")
    flash(response, "The workspace is changed.")
    return response


def _filled(workspace: Workspace) -> Filled:
    minutes = workspace.settings.get("retry_minutes")
    return Filled(
        name=workspace.name,
        timezone=workspace.timezone,
        default_region=workspace.default_region,
        default_locale=workspace.default_locale,
        retry_minutes=", ".join(f"{one:g}" for one in minutes) if minutes else DEFAULT_MINUTES,
        max_attempts=str(workspace.settings.get("max_attempts") or DEFAULT_ATTEMPTS),
    )


def _read_retries(minutes: str, attempts: str) -> dict[str, Any]:
    try:
        read = SettingsInput.model_validate({"retry_minutes": minutes.split(","), "max_attempts": attempts})
    except ValidationError as error:
        fields = {str(one["loc"][0]) for one in error.errors()}
        sentences = {
            "retry_minutes": "must be up to ten numbers of minutes with commas between them, each at most 1440 (a day)",
            "max_attempts": "must be a whole number from 1 to 20",
        }
        raise Invalid("Nothing was changed.", errors=tuple(FieldError(one, sentences[one]) for one in fields)) from error
    return read.given()


def _form(request: Request, scope: PageScope, filled: Filled, *, errors: dict[str, str] | None = None, status_code: int = 200) -> Response:
    return render(
        request,
        "workspaces/workspace.html",
        frame=scope.frame,
        status_code=status_code,
        filled=filled,
        errors=errors or {},
        countries=country_choices(),
        timezones=timezone_choices(),
    )

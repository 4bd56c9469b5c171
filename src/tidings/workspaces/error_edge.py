"""Every error as an answer: problem+json (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from tidings.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, TidingsError, TooLarge, Unavailable
from tidings.ui.problems import UNEXPECTED, problem_page, wants_page
from tidings.workspaces.page_edge import frame_of

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from tidings.ui.frame import Frame

log = structlog.get_logger(__name__)

_DATABASE_AWAY = "The database does not answer just now. What was confirmed before is safe; this request was not carried out. Try again."
_AWAY = (
    ConnectionError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.TooManyConnectionsError,
)


class MethodNotAllowed(TidingsError):
    """The address exists, but not for this."""

    status_code = 405
    code = "method_not_allowed"
    title = "Not possible at this address"


class BadRequest(TidingsError):
    """The request cannot be read."""

    status_code = 400
    code = "bad_request"
    title = "The request cannot be read"


def answer_errors(app: FastAPI) -> None:
    """Have the app answer every error in one of the two forms."""
    for kind in (TidingsError, RequestValidationError, HTTPException, DBAPIError, PoolTimeoutError, *_AWAY):
        app.add_exception_handler(kind, answer)


async def answer(request: Request, error: Exception) -> Response:
    """The answer to one error. What nobody foresaw is logged with its trace and told without it."""
    known = translate(error)
    if known is None:
        log.error("request_failed", method=request.method, path=_told(request.url.path), exc_info=error)
        known = TidingsError(UNEXPECTED)
    elif known.status_code >= 500:
        log.warning("request_not_served", method=request.method, path=_told(request.url.path), error=repr(error))
    response = problem_page(request, known, await _frame(request, error)) if _is_for_a_person(request) else problem(known)
    if isinstance(error, HTTPException):
        response.headers.update(error.headers or {})
    return response


async def _frame(request: Request, error: Exception) -> Frame | None:
    found: Frame | None = getattr(request.state, "frame", None)
    if found is None and isinstance(error, HTTPException):
        with contextlib.suppress(TidingsError, DBAPIError, PoolTimeoutError, *_AWAY):  # the menu is not worth a second error
            return await frame_of(request)
    return found


def translate(error: Exception) -> TidingsError | None:
    """The error as one of ours; None when nobody foresaw it."""
    match error:
        case TidingsError():
            return error
        case RequestValidationError():
            return _malformed(error)
        case HTTPException():
            return _http(error)
        case PoolTimeoutError():
            return Unavailable("Too many requests wait for the database. This one was not carried out; try again.", retry_after=1)
        case DBAPIError():
            return _of_database(error)
        case _ if isinstance(error, _AWAY):
            return Unavailable(_DATABASE_AWAY, retry_after=1)
    return None


def problem(error: TidingsError) -> JSONResponse:
    """The error as problem+json."""
    body: dict[str, Any] = {
        "type": f"about:blank#{error.code}",
        "title": error.title,
        "status": error.status_code,
        "code": error.code,
        "detail": error.detail,
    }
    if error.errors:
        body["errors"] = [{"field": one.field, "message": one.message} for one in error.errors]
    headers = {}
    if error.retry_after:
        headers["Retry-After"] = str(int(error.retry_after) + 1)
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2 wants it
    return JSONResponse(body, status_code=error.status_code, headers=headers, media_type="application/problem+json")


def _told(path: str) -> str:
    """The path as the log may hold it: those of invitations and hooks end in a secret."""
    first = path.split("/", 2)[1]
    return f"/{first}/…" if first in {"join", "hooks"} else path


def _is_for_a_person(request: Request) -> bool:
    by_htmx = "HX-Request" in request.headers and not request.url.path.startswith("/api/")
    return by_htmx or wants_page(request)


def _malformed(error: RequestValidationError) -> Invalid:
    found = error.errors()
    first = found[0]
    if first["type"] == "json_invalid":
        return Invalid(f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}. Nothing was changed.")
    if tuple(first["loc"]) == ("body",) and first["type"] in {"model_attributes_type", "dict_type", "list_type"}:
        return Invalid("Send the body as a JSON object, with the header `Content-Type: application/json`. Nothing was changed.")
    fields = tuple(FieldError(".".join(str(part) for part in one["loc"] if part != "body"), _words(one)) for one in found)
    return Invalid("Some fields are missing or malformed; nothing was changed.", errors=fields)


def _words(one: dict[str, Any]) -> str:
    # The input itself is left out on purpose: it may be a password.
    match one["type"]:
        case "timezone_aware":
            return "has no offset: write 2026-12-01T09:00:00+03:00, or Z for UTC"
        case "extra_forbidden":
            return "is not known here"
        case "value_error":
            return str(one["msg"]).removeprefix("Value error, ")
        case _:
            return str(one["msg"])


def _http(error: HTTPException) -> TidingsError:
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this address.")
        case 405:
            return MethodNotAllowed("This address exists, but not for this method. Nothing was changed.")
        case 403:
            return Forbidden(str(error.detail))
        case 413:
            return TooLarge(str(error.detail))
        case _:
            return BadRequest("The request's body cannot be read. Nothing was changed.")


def _of_database(error: DBAPIError) -> TidingsError | None:
    cause = error.orig.__cause__ if error.orig else None
    if error.connection_invalidated or isinstance(cause, _AWAY):
        return Unavailable(_DATABASE_AWAY, retry_after=1)
    if isinstance(cause, asyncpg.exceptions.SerializationError | asyncpg.exceptions.DeadlockDetectedError):
        return Conflict("Another request changed the same thing at the same moment. Nothing was changed; try again.", retry_after=1)
    return None

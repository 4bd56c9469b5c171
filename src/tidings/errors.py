"""The one tree of errors. A class carries its HTTP status and a stable code; its text is what a person reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input; `field` is a dotted path such as `audience.groups.0`."""

    field: str
    message: str


class TidingsError(Exception):
    """Something Tidings refuses or cannot do, told so that the reader knows what to do next."""

    status_code = 500
    code = "internal"
    title = "Something went wrong on our side"

    def __init__(
        self, detail: str, *, errors: tuple[FieldError, ...] = (), code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        """Seconds, where waiting helps."""
        if code:
            self.code = code


class Invalid(TidingsError):
    """The input is malformed; nothing was changed."""

    status_code = 422
    code = "invalid"
    title = "That cannot be used as it is"


class Unauthenticated(TidingsError):
    """No valid credential came with the request."""

    status_code = 401
    code = "unauthenticated"
    title = "Please sign in"


class Forbidden(TidingsError):
    """The credential is valid but may not do this."""

    status_code = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(TidingsError):
    """It does not exist in this workspace."""

    status_code = 404
    code = "not_found"
    title = "Not found"


class Conflict(TidingsError):
    """Not now: the thing is in a state that does not allow it."""

    status_code = 409
    code = "conflict"
    title = "Not possible right now"


class TooLarge(TidingsError):
    """The upload or body is over the limit."""

    status_code = 413
    code = "too_large"
    title = "Too large"


class RateLimited(TidingsError):
    """Too many requests; the request was not carried out."""

    status_code = 429
    code = "rate_limited"
    title = "Too many requests"


class Unavailable(TidingsError):
    """A part that we need does not answer; nothing was changed."""

    status_code = 503
    code = "unavailable"
    title = "Not available right now"

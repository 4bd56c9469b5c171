"""The form of a route: its steps in order, kept as they were typed until they make sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidings.core.ids import read_id, show_id
from tidings.errors import Conflict, TidingsError
from tidings.routes.schemas import RouteWanted
from tidings.routes.service import LEAST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MOST_STEPS, KnownRoute

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.routes.models import RouteStep
    from tidings.routes.service import RouteInput

UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}
ON_ERROR = "error"
"""Nothing is waited for: only an error has a message go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepForm:
    """One step as it stands in the form."""

    channel: str = ""
    on: str = ON_ERROR
    wait: str = "60"
    unit: str = "seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteForm:
    """Everything filled in so far."""

    name: str = ""
    message_class: str = ""
    medium: str = ""
    steps: tuple[StepForm, ...] = (StepForm(on="delivered"), StepForm())

    @property
    def is_narrow(self) -> bool:
        """Whether the part about classes is to be seen at once."""
        return bool(self.message_class or self.medium)


def read_form(form: FormData) -> RouteForm:
    """What the browser sent; nothing in it is trusted yet."""

    def one(name: str) -> str:
        value = form.get(name)
        return value.strip() if isinstance(value, str) else ""

    count = min(int(one("count")), MOST_STEPS) if one("count").isascii() and one("count").isdecimal() else 0
    steps = (
        StepForm(channel=one(f"channel_{n}"), on=one(f"on_{n}") or ON_ERROR, wait=one(f"wait_{n}"), unit=one(f"unit_{n}"))
        for n in range(count)
    )
    return RouteForm(name=one("name"), message_class=one("message_class"), medium=one("medium"), steps=tuple(steps))


def arranged(form: RouteForm, act: str) -> RouteForm:
    """With one step more, or one taken out or moved: `add`, `remove-2`, `up-1`, `down-0`. What makes no sense changes nothing."""
    steps = list(form.steps)
    what, _, number = act.partition("-")
    place = int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else -1
    if what == "add" and len(steps) < MOST_STEPS:
        steps.append(StepForm())
    elif what == "remove" and 0 <= place < len(steps) > 1:
        del steps[place]
    elif what in {"up", "down"} and 0 <= place < len(steps):
        other = place + (1 if what == "down" else -1)
        if 0 <= other < len(steps):
            steps[place], steps[other] = steps[other], steps[place]
    return replace(form, steps=tuple(steps))


def form_of(known: KnownRoute) -> RouteForm:
    """The form of a route that exists."""
    route = known.route
    return RouteForm(
        name=route.name, message_class=route.message_class, medium=route.medium, steps=tuple(_step_form(one) for one in known.steps)
    )


def _step_form(step: RouteStep) -> StepForm:
    channel = show_id("chn", step.channel_id)
    if step.wait_seconds is None:
        return StepForm(channel=channel)
    unit = next(name for name, seconds in reversed(UNITS.items()) if step.wait_seconds % seconds == 0)
    return StepForm(channel=channel, on=step.wished, wait=str(step.wait_seconds // UNITS[unit]), unit=unit)


def wanted(form: RouteForm) -> RouteInput:
    """The route that the form describes. Raises ValidationError or Invalid."""
    steps: list[dict[str, Any]] = [
        {"channel": one.channel, **_rule(one, is_last=place == len(form.steps) - 1)} for place, one in enumerate(form.steps)
    ]
    body = {"name": form.name, "class": form.message_class.lower() or None, "medium": form.medium or None, "steps": steps}
    return RouteWanted.model_validate(body).wanted()


def _rule(step: StepForm, *, is_last: bool) -> dict[str, Any]:
    """When the next step follows; after the last there is none."""
    return {} if is_last or step.on == ON_ERROR else {"wished": step.on, "wait_seconds": _seconds(step)}


def _seconds(step: StepForm) -> int | str:
    """The typed text where it is no number, which is then refused at its field."""
    is_number = step.wait.isascii() and step.wait.isdecimal() and len(step.wait) <= 9
    return int(step.wait) * UNITS.get(step.unit, 1) if is_number else step.wait


def sentences(error: TidingsError | ValidationError, form: RouteForm) -> Mapping[str, str]:
    """What to show at which field of the form; what belongs to none of them stands under `form`."""
    if isinstance(error, ValidationError):
        return {_place([str(part) for part in one["loc"]]): _sentence(str(one["type"]), [str(part) for part in one["loc"]]) for one in error.errors()}  # fmt: skip
    if isinstance(error, Conflict) and error.code in {"name_taken", "class_taken"}:
        return {"name" if error.code == "name_taken" else "message_class": error.detail}
    if any(one.field == "medium" for one in error.errors):
        return {"medium": error.detail}
    twice = _twice(form.steps)
    if twice:
        return {f"channel_{place}": "This channel is in the route already; each is tried once." for place in twice}
    return {"form": error.detail}


def _place(path: Sequence[str]) -> str:
    if path[0] == "steps" and len(path) > 2:
        return f"{'channel' if path[2] == 'channel' else 'wait'}_{path[1]}"
    return "message_class" if path[0] == "class" else path[0]


def _sentence(fault: str, path: Sequence[str]) -> str:
    match path:
        case ["steps", _, "channel"]:
            return "Choose a channel."
        case ["steps", *_]:
            return f"A whole number, from {LEAST_WAIT_SECONDS} seconds to {LONGEST_WAIT_SECONDS // 86400} days."
        case ["class"]:
            return "Small letters, digits, - and _, such as “codes”."
        case ["name"] if fault == "string_too_short":
            return "Give it a name that you will recognise."
        case _:
            return "This cannot be used."


def _twice(steps: Sequence[StepForm]) -> list[int]:
    seen: set[str] = set()
    found = []
    for place, one in enumerate(steps):
        if one.channel in seen and read_id("chn", one.channel):
            found.append(place)
        seen.add(one.channel)
    return found

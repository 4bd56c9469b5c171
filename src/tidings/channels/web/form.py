"""The set-up form of a channel, made from what its provider says of itself; what was typed is kept until it makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidings.channels.schemas import ChannelChange, ChannelInput
from tidings.channels.web.limits_form import LimitsForm, limits_form, read_limits
from tidings.errors import Conflict, TidingsError

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.channels.models import Channel
    from tidings.channels.service import ChangeChannel, CreateChannel
    from tidings.providers.base import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelForm:
    """Everything filled in so far. Secrets are only ever on their way in."""

    name: str = ""
    medium: str = ""
    sender: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    removed: tuple[str, ...] = ()
    """Secrets that are to be forgotten."""
    limits: LimitsForm = field(default_factory=LimitsForm)
    senders_at_once: str = ""
    """Of all channels of this provider in the workspace."""
    receive: str = ""
    api_base_url: str = ""
    is_default: bool = False
    shown: frozenset[str] = frozenset()
    """Of sender and API address those that the form has a box for: what it does not show it must not empty."""

    @property
    def has_limits(self) -> bool:
        """Whether the limits are to be seen at once."""
        return self.limits.is_own or bool(self.api_base_url or self.senders_at_once)


def read_form(form: FormData, description: Description) -> ChannelForm:
    """What the browser sent; nothing in it is trusted yet."""

    def one(name: str) -> str:
        value = form.get(name)
        # A browser ends lines with CR LF where it sends a form, and with LF where htmx does: what was tested would not be what is saved.
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    secret = {each.name for each in description.fields if each.secret}
    values = {each.name: one(f"field_{each.name}") for each in description.fields}
    return ChannelForm(
        name=one("name"), medium=one("medium"), sender=one("sender"), limits=read_limits(one), receive=one("receive"),
        api_base_url=one("api_base_url").rstrip("/"), senders_at_once=one("senders_at_once"), is_default=one("is_default") == "true",
        fields={name: value for name, value in values.items() if name not in secret},
        secrets={name: value for name, value in values.items() if name in secret},
        removed=tuple(name for name in secret if one(f"remove_{name}") == "true"),
        shown=frozenset(name for name in ("sender", "api_base_url") if name in form),
    )  # fmt: skip


def new_form(description: Description) -> ChannelForm:
    """The form as it is first seen."""
    return ChannelForm(name=description.label, fields={each.name: each.default for each in description.fields if not each.secret})


def form_of(channel: Channel) -> ChannelForm:
    """The form of a channel that exists."""
    return ChannelForm(
        name=channel.name, medium=channel.medium, sender=channel.sender, fields=channel.settings, limits=limits_form(channel.limits),
        receive=channel.receive, api_base_url=channel.api_base_url, is_default=channel.is_default,
    )  # fmt: skip


def creation(form: ChannelForm, kind: str) -> CreateChannel:
    """What the form of a new channel asks for. Raises ValidationError or Invalid."""
    body = {
        "name": form.name, "provider": kind, "medium": form.medium or None, "sender": form.sender, "limits": form.limits.values(),
        "fields": {name: value for name, value in {**form.fields, **form.secrets}.items() if value},
        "receive": form.receive or None, "api_base_url": form.api_base_url, "is_default": True if form.is_default else None,
    }  # fmt: skip
    return ChannelInput.model_validate(body).command()


def change(form: ChannelForm) -> ChangeChannel:
    """What the form of a channel that exists asks for: a secret left empty stays. Raises ValidationError or Invalid."""
    secrets = {name: value for name, value in form.secrets.items() if value} | dict.fromkeys(form.removed, "")
    body = {
        "name": form.name, "limits": form.limits.values(), "fields": {**form.fields, **secrets}, "receive": form.receive or None,
        "sender": form.sender if "sender" in form.shown else None,
        "api_base_url": form.api_base_url if "api_base_url" in form.shown else None,
    }  # fmt: skip
    return ChannelChange.model_validate(body).command()


def sentences(error: TidingsError | ValidationError, description: Description) -> dict[str, str]:
    """What to show at which field of the form; what belongs to none of them stands under `form`."""
    if isinstance(error, ValidationError):
        return {_place([str(part) for part in one["loc"]]): _sentence(one) for one in error.errors()}
    labels = {each.name: each.label for each in description.fields} | {"sender": description.sender_label or "Sender"}
    said: dict[str, str] = {}
    for one in error.errors:
        name = one.field.removeprefix("fields.")
        said[_place(one.field.split("."))] = f"{labels.get(name, 'This')} {one.message}{'' if one.message.endswith('.') else '.'}"
    if isinstance(error, Conflict) and error.code == "name_taken":
        said["name"] = error.detail
    if isinstance(error, Conflict) and error.code == "no_public_url":
        said["receive"] = error.detail
    return said or {"form": error.detail}


_FAULTS = {
    "string_too_short": "Fill this in.",
    "float_parsing": "This must be a number, such as 10 or 0.5.",
    "int_parsing": "This must be a whole number.",
    "float_type": "This must be a number, such as 10 or 0.5.",
}


def _sentence(fault: Mapping[str, Any]) -> str:
    if fault["type"] in {"greater_than_equal", "less_than_equal"}:
        edge = next(iter(fault["ctx"].values()))
        return f"This must be {edge:,.12g} or {'more' if fault['type'].startswith('greater') else 'less'}."
    if fault["type"] in {"string_too_long", "too_long"}:
        return f"This may have {fault['ctx']['max_length']} characters at most."
    if fault["type"] == "value_error":
        return f"{fault['ctx']['error']}."
    return _FAULTS.get(fault["type"], f"{fault['msg']}.")


def _place(path: list[str]) -> str:
    if path[0] == "fields" and len(path) > 1:
        return f"field_{path[1]}"
    return path[1] if path[0] == "limits" and len(path) > 1 else path[0]

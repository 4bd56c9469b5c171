"""Renders the text of messages: Jinja2 in a sandbox, cut down to what a message needs.

Names, attributes, filters, `if`, comparisons and joining are allowed. Loops, macros, calls, imports, multiplication and powers
are not, so that no template can take more than a moment or grow without bound (sandbox.py).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from tidings.errors import FieldError, Invalid
from tidings.templates.sandbox import LONGEST, Sandbox, refusal, too_large

MAX_TEMPLATE_CHARACTERS = LONGEST
MAX_RENDERED_CHARACTERS = LONGEST
_environment = Sandbox()
_CANNOT_BE_MADE = (TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_CANNOT_BE_READ = (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError)
"""What Python says of expressions nested too deeply and of numbers too long."""


class CannotRender(Exception):
    """This text cannot be made for this recipient; `detail` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Text:
    """A checked template."""

    source: str
    names: frozenset[str]
    """The variables it uses; empty when it is the same for everyone."""


@functools.lru_cache(maxsize=512)
def read_text(source: str) -> Text:
    """Check a template. Raises Invalid, naming the line, when it is malformed or uses what messages may not."""
    if len(source) > MAX_TEMPLATE_CHARACTERS:
        raise _invalid(f"It is {len(source)} characters long; the most is {MAX_TEMPLATE_CHARACTERS}.")
    try:
        tree = _environment.parse(source)
        reason = refusal(tree)
        if reason is not None:
            raise _invalid(reason)
        _compile(source)
    except TemplateSyntaxError as error:
        raise _invalid(f"Line {error.lineno}: {error.message}") from error
    except TemplateError as error:
        raise _invalid(str(error)) from error
    except _CANNOT_BE_READ as error:
        raise _invalid("It is too complicated.") from error
    return Text(source, frozenset(find_undeclared_variables(tree)))


def render(source: str, variables: Mapping[str, Any]) -> str:
    """Make the text for one recipient. Raises CannotRender when a value is missing or of the wrong kind."""
    if too_large(variables):
        raise CannotRender(f"The values hold more than {LONGEST} characters.")
    try:
        text = _within_bounds(_compile(source), variables)
    except _CANNOT_BE_MADE as error:
        raise CannotRender(
            f"The text could not be filled in: {error}. Give the value or a default, as in {{{{ name|default('there') }}}}."
        ) from error
    return text


def _within_bounds(template: Template, variables: Mapping[str, Any]) -> str:
    parts, length = [], 0
    # What Template.generate does, without its rewriting of tracebacks that nobody reads: this runs once a recipient.
    for part in template.root_render_func(template.new_context(dict(variables))):
        length += len(part)
        if length > MAX_RENDERED_CHARACTERS:
            raise CannotRender(f"The text came out longer than {MAX_RENDERED_CHARACTERS} characters.")
        parts.append(part)
    return "".join(parts)


@functools.lru_cache(maxsize=512)
def _compile(source: str) -> Template:
    template = _environment.from_string(source)
    template.globals = {}  # it has none; going through Jinja's own chain of empty ones takes a fourth of a rendering
    return template


def _invalid(detail: str) -> Invalid:
    return Invalid(f"The text is not a valid template. {detail}", errors=(FieldError("text", detail),))

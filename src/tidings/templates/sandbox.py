"""What a message's template may do, and the bounds that keep any template to milliseconds and small memory.

Values come from spreadsheets and from callers, templates from every member of a workspace, so neither is trusted: a name reaches
into mappings and lists but never into a Python object, nothing can be called, no text made on the way is longer than a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jinja2 import StrictUndefined, Undefined, UndefinedError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST: Final = 10_000
"""Characters of a template, of any text on the way, and of the finished message."""
MOST_NODES: Final = 300
MOST_FILTERS: Final = 30
MOST_DEPTH: Final = 40
"""How deep parts may lie in one another; Python's compiler takes some 100."""
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.Filter,
    nodes.Test, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat,
    nodes.Add, nodes.Sub, nodes.Neg, nodes.Pos, nodes.Keyword,
)  # fmt: skip
_ALLOWED_FILTERS = (
    "abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length", "lower", "replace", "round", "string",
    "title", "trim", "truncate", "upper", "wordcount",
)  # fmt: skip
_WORDS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.For: "a loop", nodes.Call: "a function call", nodes.Macro: "a macro", nodes.Import: "an import", nodes.FromImport: "an import",
    nodes.Include: "an include", nodes.Mul: "multiplication", nodes.Pow: "a power", nodes.Assign: "an assignment",
    nodes.Div: "division", nodes.FloorDiv: "division", nodes.Mod: "a remainder", nodes.List: "a list", nodes.Dict: "a mapping",
    nodes.Tuple: "a list", nodes.Slice: "a slice", nodes.Block: "a block", nodes.Extends: "another template",
}  # fmt: skip


class Missing(StrictUndefined):
    """A value that is not there is an error, unless `default` or a test deals with it."""

    @property
    def _undefined_message(self) -> str:
        return f"“{self._undefined_name}” has no value"


class _BoundedGenerator(CodeGenerator):
    """Compiles `~` to the bounded joining below."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2, cut down."""

    code_generator_class = _BoundedGenerator
    intercepted_binops = frozenset({"+"})

    def __init__(self) -> None:
        super().__init__(undefined=Missing, autoescape=False, keep_trailing_newline=True, finalize=_printable)
        self.globals.clear()
        self.policies["truncate.leeway"] = 0  # cut where the author says: five characters more may cost a part
        self.filters = {name: self.filters[name] for name in _ALLOWED_FILTERS} | {"replace": _replace, "join": _join, "round": _round}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`order.id` is the entry `id` of a mapping and nothing else."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An entry of a mapping, or a place in a list."""
        if isinstance(obj, Undefined):
            return obj[argument]  # raises, with the name of what is missing
        try:
            if isinstance(obj, Mapping):
                return obj[argument]
            if isinstance(obj, list | tuple) and isinstance(argument, int):
                return obj[argument]
        except (LookupError, TypeError):
            pass
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """`+` of numbers, or of texts within bounds."""
        if isinstance(left, str) and isinstance(right, str):
            return self.joined((left, right))
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TypeError("only numbers and texts can be added")
        return super().call_binop(context, operator, left, right)

    def joined(self, parts: Iterable[Any]) -> str:
        return _bounded_join("", [str(_printable(part)) for part in parts])


def refusal(tree: nodes.Template) -> str | None:
    """Why a parsed template may not be used; None when it may."""
    found = list(_walk(tree))
    for node in found:
        if not isinstance(node, _ALLOWED_NODES):
            return f"Line {node.lineno}: {_WORDS.get(type(node), type(node).__name__)} cannot be used in a message."
        if isinstance(node, nodes.Filter) and node.name not in _ALLOWED_FILTERS:
            return f"Line {node.lineno}: there is no filter {node.name!r}. These can be used: {', '.join(_ALLOWED_FILTERS)}."
        if isinstance(node, nodes.Name) and node.name in {"self", "super"}:
            return f"Line {node.lineno}: “{node.name}” cannot be used in a message."
        if (name := _hidden_name(node)) is not None:
            return f"Line {node.lineno}: “{name}” cannot be used in a message."
    if len(found) > MOST_NODES or sum(isinstance(node, nodes.Filter) for node in found) > MOST_FILTERS:
        return f"It is too complicated: at most {MOST_FILTERS} filters and {MOST_NODES} parts can be used."
    if _is_too_deep(tree):
        return f"It is too complicated: its parts may lie at most {MOST_DEPTH} deep in one another."
    return None


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every part, without recursion: Jinja's own walk takes a generator a level."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(node.iter_child_nodes()))


def _is_too_deep(tree: nodes.Node) -> bool:
    level, depth = [tree], 0
    while level and depth <= MOST_DEPTH:
        level, depth = [child for node in level for child in node.iter_child_nodes()], depth + 1
    return bool(level)


def _hidden_name(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and str(node.arg.value).startswith("_"):
        return str(node.arg.value)
    return None


def too_large(values: Mapping[str, Any]) -> bool:
    """Whether values hold more text than a message could."""
    waiting: list[Any] = []
    left = LONGEST
    for value in values.values():
        if type(value) is str:  # nearly all of them, so the walk below is spared
            left -= len(value)
        else:
            waiting.append(value)
    return left < 0 or (bool(waiting) and _nested_too_large(waiting, left))


def _nested_too_large(waiting: list[Any], left: int) -> bool:
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += one.values()
            left -= len(one)
        elif isinstance(one, list | tuple):
            waiting += one
            left -= len(one)
        elif isinstance(one, str):
            left -= len(one)
        if left < 0:
            return True
    return False


def _printable(value: Any) -> Any:
    """What may stand in a message: no Python notation for nothing, lists or mappings."""
    if type(value) is str:  # nearly always
        return value
    if value is None:
        raise UndefinedError("a value is empty")
    if isinstance(value, Mapping | list | tuple):
        raise TypeError("a value is a list or a mapping; name a part of it")
    return value


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, sought, put = str(value), str(old), str(new)
    times = text.count(sought) if count is None else min(count, text.count(sought))
    if len(text) + times * (len(put) - len(sought)) > LONGEST:
        raise ValueError(_TOO_LONG)
    return text.replace(sought, put, -1 if count is None else count)


def _join(value: Any, d: Any = "") -> str:
    parts: Sequence[Any] = list(value)
    return _bounded_join(str(d), [str(_printable(part)) for part in parts])


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if method != "common" or not -20 <= precision <= 20:
        raise ValueError("round takes up to 20 digits")
    return round(value, precision)


def _bounded_join(between: str, parts: Sequence[str]) -> str:
    if sum(map(len, parts)) + len(between) * max(0, len(parts) - 1) > LONGEST:
        raise ValueError(_TOO_LONG)
    return between.join(parts)


_TOO_LONG: Final = f"it becomes longer than {LONGEST} characters"

"""Writes the parts of docs/ that are made from the code: the table of settings, the reference of commands, the ends of channels' guides.

`make docs` runs it; `python -m tools.reference --check` exits 1 when a document is not what the code says.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined
from tools.channel_guides import guides

from tidings import settings as settings_module
from tidings.cli import app
from tidings.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"
_MARKUP = re.compile(r"\[/?(?:bold|italic|dim|green|red|yellow)\]|\[/\]")


def main() -> None:
    """Bring the documents up to date, or say which are not."""
    wanted = {DOCS / "operating.md": settings_table(), DOCS / "cli.md": commands()}
    wanted |= {DOCS / "channels" / f"{kind}.md": text for kind, text in guides().items()}
    stale = []
    for path, text in wanted.items():
        old = path.read_text(encoding="utf-8")
        new = between_marks(old, text)
        if new != old:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"Not what the code says: {', '.join(stale)}. Run `make docs`.")


def between_marks(document: str, text: str) -> str:
    """The document with the text in the place made for it."""
    start, end = "<!-- made by `make docs` -->\n", "<!-- end -->"
    before, _, rest = document.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{text.strip()}\n\n{end}{after}"


def settings_table() -> str:
    """Every setting with its default and its docstring."""
    meanings = _attribute_docstrings()
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"TIDINGS_{name.upper()}")
        rows.append(f"| `{variable}` | {_default(name, field.default)} | {meanings[name]} |")
    return "\n".join(rows)


def _default(name: str, default: Any) -> str:
    if name == "home":
        return "the platform's user data folder"
    if default in {None, ""} or default is PydanticUndefined:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _attribute_docstrings() -> dict[str, str]:
    """The string under each field, which Python itself does not keep."""
    (body,) = [node.body for node in ast.walk(ast.parse(inspect.getsource(settings_module))) if isinstance(node, ast.ClassDef)]
    found = {}
    for field, after in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(after.value).split()) if isinstance(after.value, ast.Constant) else ""
    return found


def commands() -> str:
    """Every command with its words, arguments and options, as `--help` shows them."""
    root = typer.main.get_command(app)
    return "\n\n".join(_command(path, command) for path, command in _walk("tidings", root))


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in children.items():
        yield from _walk(f"{path} {name}", child)


def _command(path: str, command: Any) -> str:
    words, _, examples = inspect.cleandoc(_MARKUP.sub("", command.help or "")).partition("\nExamples\n")
    parts = [f"## {path}", words.strip()]
    rows = [_parameter(each) for each in command.params if each.name != "help"]
    if rows:
        parts.append("\n".join(["| | |", "| --- | --- |", *rows]))
    if examples:
        lines = [line.strip() for line in examples.splitlines() if line.strip()]
        parts.append("\n".join(["```sh", *lines, "```"]))
    return "\n\n".join(parts)


def _parameter(each: Any) -> str:
    name = each.metavar or each.name.upper() if each.param_type_name == "argument" else ", ".join([*each.opts, *each.secondary_opts])
    meaning = (each.help or "").replace("|", "\\|")
    default = each.default
    shown = f" Default: `{default}`." if default not in (None, "", False) and not callable(default) and "(default" not in meaning else ""
    return f"| `{name}` | {meaning}{shown} |"


if __name__ == "__main__":
    main()

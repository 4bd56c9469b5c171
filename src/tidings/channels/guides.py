"""The guides of docs/channels, made into what a page shows: whoever sets a channel up reads them in the dashboard."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from tidings.providers import PROVIDERS
from tidings.ui.words import REASONS, find_reason

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_OTHER_GUIDE = re.compile(r"([a-z_]+)\.md(#[\w-]+)?")
_READER = MarkdownIt("commonmark", {"html": False}).enable("table")  # GitHub's tables; what looks like HTML stays text


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """One provider's guide."""

    title: str
    html: Markup
    parts: tuple[tuple[str, str], ...]
    """Its second-level headings: the anchor and the words."""


@functools.cache
def read_guide(kind: str) -> Guide:
    """The guide of a provider that there is; read once."""
    tokens = _READER.parse(_COMMENT.sub("", _text(kind)))
    title = tokens[1].content
    tokens = tokens[3:]
    parts, in_cell = [], False
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            words = _plain(tokens[at + 1])
            token.attrSet("id", anchor(words))
            if token.tag == "h2":
                parts.append((anchor(words), words))
        elif token.type == "table_open":
            token.attrSet("class", "table table-sm")
        elif token.type in {"td_open", "td_close"}:
            in_cell = token.type == "td_open"
        elif token.type == "inline":
            token.children = _with_words(_with_links(token.children or [])) if in_cell else _with_links(token.children or [])
    html = _READER.renderer.render(tokens, _READER.options, {})
    html = html.replace("<table", '<div class="table-responsive"><table').replace("</table>", "</table></div>")
    return Guide(title=title, html=Markup(html), parts=tuple(parts))  # noqa: S704 - our own documents, and markdown-it lets no HTML through


def anchor(words: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _text(kind: str) -> str:
    """From the package, or from the checkout that it is run from."""
    for place in (Path(str(files("tidings"))) / "guides", Path(__file__).parents[3] / "docs" / "channels"):
        if (place / f"{kind}.md").exists():
            return (place / f"{kind}.md").read_text(encoding="utf-8")
    raise FileNotFoundError(f"This installation lacks the guide of {kind}.")


def _plain(inline: Token) -> str:
    return "".join(one.content for one in inline.children or [])


def _with_links(children: Sequence[Token]) -> list[Token]:
    """Links to other guides lead to their pages and links outside open beside this one; those to other documents become words."""
    kept: list[Token] = []
    dropping = False
    for one in children:
        if one.type == "link_open":
            address = _address(str(one.attrGet("href") or ""))
            dropping = address is None
            if address is not None:
                one.attrSet("href", address)
                if address.startswith("http"):
                    one.attrSet("target", "_blank")
                    one.attrSet("rel", "noopener noreferrer")
        if not (dropping and one.type in {"link_open", "link_close"}):
            kept.append(one)
    return kept


def _with_words(children: Sequence[Token]) -> list[Token]:
    """An error's code is preceded by the words that the dashboard shows for it."""
    kept: list[Token] = []
    for one in children:
        if one.type == "code_inline" and one.content in REASONS:
            kept.append(Token("text", "", 0, content=f"{find_reason(one.content).label} "))
        kept.append(one)
    return kept


def _address(href: str) -> str | None:
    if href.startswith(("http://", "https://", "#")):
        return href
    other = _OTHER_GUIDE.fullmatch(href)
    return f"/channels/guide/{other[1]}{other[2] or ''}" if other and other[1] in PROVIDERS else None

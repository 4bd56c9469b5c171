"""Templates of messages: what they can do, and that none of them can do harm."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.errors import Invalid
from tidings.templates.rendering import MAX_RENDERED_CHARACTERS, CannotRender, read_text, render

AMINA = {"name": "Amina Odhiambo", "first_name": "Amina", "city": "Kisumu", "total": 1250.5, "order": {"id": 17, "items": "tea"}}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello", "Hello"),
        ("Hello {{ first_name }}", "Hello Amina"),
        ("Hello {{ nickname|default('there') }}", "Hello there"),
        ("{{ first_name|upper }} {{ city|truncate(3, true, '') }}", "AMINA Kis"),
        ("{% if city == 'Kisumu' %}Karibu{% else %}Hello{% endif %}", "Karibu"),
        ("{% if vip is defined and vip %}Dear{% else %}Hi{% endif %}", "Hi"),
        ("{{ 'Dear' if city|length > 3 else 'Hi' }}", "Dear"),
        ("{{ first_name ~ ' of ' ~ city }}", "Amina of Kisumu"),
        ("{{ first_name + '!' }} {{ total + 1 }}", "Amina! 1251.5"),
        ("{{ total|round(1) }} {{ total|int }}", "1250.5 1250"),
        ("{{ order.id }} {{ order['id'] }} {{ order.items }}", "17 17 tea"),
        ("{{ city|replace('K', 'k') }}", "kisumu"),
        ("Hello\n", "Hello\n"),
    ],
)
def test_what_a_message_needs_can_be_said(source: str, text: str) -> None:
    read_text(source)
    assert render(source, AMINA) == text


def test_the_names_a_text_uses_are_told() -> None:
    assert read_text("{{ name }} {{ order.id }} {% if vip %}{{ city|default(town) }}{% endif %}").names == {
        "name", "order", "vip", "city", "town",
    }  # fmt: skip
    assert read_text("100 % {off}").names == frozenset()


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in range(10) %}{{ x }}{% endfor %}",
        "{{ range(10) }}",
        "{{ name.upper() }}",
        "{{ ''.__class__ }}",
        "{{ name.__class__.__mro__ }}",
        "{{ name['__class__'] }}",
        "{{ name|attr('__class__') }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ super() }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% set x = 1 %}{{ x }}",
        "{% macro f() %}{% endmacro %}",
        "{% import 'os' as os %}",
        "{% include '/etc/passwd' %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% call f() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x=1 %}{% endwith %}",
        "{{ 'a' * 10000000 }}",
        "{{ 9 ** 9999999 }}",
        "{{ 'a%1000000s' % 'b' }}",
        "{{ '%s'|format('x') }}",
        "{{ x|map('upper') }}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ name[1:2] }}",
        "{{ name|pprint }}",
        "{{ name|xmlattr }}",
        "{{ name|nosuchfilter }}",
        "{{ name is nosuchtest }}",
        "{{ name",
        "{% if name %}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 280 + "a }}",
        "{{ a" + ".b" * 250 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{% if a %}" * 120 + "{% endif %}" * 120,
        "{{ a" + "|upper" * 31 + " }}",
        "{{ a }}" * 300,
        "a" * 10_001,
    ],
)
def test_what_no_message_needs_is_refused_before_it_is_sent(source: str) -> None:
    with quickly(READING), pytest.raises(Invalid) as refused:
        read_text(source)
    assert refused.value.errors[0].field == "text"


def test_the_refusal_names_the_line() -> None:
    with pytest.raises(Invalid, match=r"Line 2: a loop cannot be used in a message\."):
        read_text("Hello\n{% for x in y %}{% endfor %}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ nickname }}", "“nickname” has no value"),
        ("{{ order.color }}", "“color” has no value"),
        ("{{ nickname.first }}", "“nickname” has no value"),
        ("{{ name.upper }}", "“upper” has no value"),
        ("{{ name.format }}", "has no value"),
        ("{{ order }}", "a list or a mapping"),
        ("{{ nothing }}", "a value is empty"),
        ("{{ 'x' ~ nothing }}", "a value is empty"),
        ("{{ name + 1 }}", "only numbers and texts"),
        ("{{ total|round(999999999, 'ceil') }}", "20 digits"),
        ("{{ 1|round(999999999) }}", "20 digits"),
        ("{{ 'a'|truncate(1, true, 'bbbb') }}", "expected length"),
        ("{{ total is divisibleby(0) }}", "modulo"),
        ("{{ total|first }}", "not iterable"),
        ("{{ name|join(name|join(name|join(name|join(name)))) }}", "longer than"),
        ("{{ 'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 20 + " }}", "longer than"),
        ("{{ '" + "a" * 9_800 + "' }}" + "{{ name }}" * 15, "longer than"),
        ("{{ '" + "a" * 9_800 + "'" + " ~ name" * 15 + " }}", "longer than"),
        ("{{ '" + "a" * 4000 + "'|replace('a', name) }}", "longer than"),
    ],
)
def test_what_cannot_be_made_is_told_and_made_of_nobody(source: str, reason: str) -> None:
    read_text(source)
    with quickly(), pytest.raises(CannotRender) as refused:
        render(source, {**AMINA, "nothing": None})
    assert reason in refused.value.detail


def test_a_value_larger_than_a_message_is_refused() -> None:
    for value in ("a" * 10_001, {"deep": ["a" * 6000, {"er": "a" * 6000}]}, list(range(20_000))):
        with quickly(), pytest.raises(CannotRender, match="more than"):
            render("{{ a|default('') }}", {"a": value})


def test_many_large_values_together_stay_within_a_message() -> None:
    with quickly(), pytest.raises(CannotRender, match="longer than"):
        render("{{ a }}" * 100, {"a": "x" * 9_000})


class quickly:  # noqa: N801 - reads as a sentence
    """At most so much of this process's own time, whatever else the machine does; collecting garbage is not counted."""

    def __init__(self, seconds: float = 0.05) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        gc.disable()
        self.begun = time.process_time()

    def __exit__(self, *_: object) -> None:
        took = time.process_time() - self.begun
        gc.enable()
        assert took < self.seconds


READING = 0.3
"""Seconds. A template is read once, and rendered for each recipient."""


names = st.sampled_from(["name", "first_name", "city", "order", "order.id", "total", "missing", "missing.part", "deep", "flag", "many"])
literals = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cs"]), max_size=300).map(lambda one: f"'{one}'"),
    st.sampled_from(["true", "false", "none", "''", "'" + "a" * 200 + "'"]),
)
filters = st.sampled_from(
    ["abs", "capitalize", "d", "default('x')", "first", "float", "int", "join", "last", "length", "lower", "round", "string", "title", "trim",
     "upper", "wordcount", "default", "truncate(5)", "truncate(1, true, 'bbbbb')", "round(10)", "round(2, 'ceil')", "int(base=99)",
     "replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')", "replace('', 'xxxx')", "join('xxxxxxxxxxxxxxxxxxxx')", "float(none)"]
)  # fmt: skip


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.lists(filters, min_size=1, max_size=6)).map(lambda one: f"({one[0]})|" + "|".join(one[1])),
        st.tuples(inner, st.sampled_from(["~", "+", "-", "==", "<", "in", "and", "or"]), inner).map(" ".join).map(lambda one: f"({one})"),
        st.tuples(inner, inner, inner).map(lambda one: f"({one[0]} if {one[1]} else {one[2]})"),
        st.tuples(inner, st.sampled_from(["defined", "number", "string", "divisibleby(3)", "iterable", "none", "upper"])).map(" is ".join),
        st.tuples(inner, st.sampled_from(["__class__", "items", "0", "id", "format"])).map(lambda one: f"({one[0]})['{one[1]}']"),
        inner.map(lambda one: f"-({one})"),
        inner.map(lambda one: f"not ({one})"),
    )


expressions = st.recursive(st.one_of(names, literals), _grow, max_leaves=12)
pieces = st.one_of(
    expressions.map(lambda one: f"{{{{ {one} }}}}"),
    st.tuples(expressions, expressions).map(lambda one: f"{{% if {one[0]} %}}{{{{ {one[1]} }}}}{{% endif %}}"),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.sampled_from(["{{", "}}", "{%", "%}", "{#", "#}", "{% raw %}", "{%- if x -%}", "\x00"]),
)
values = st.dictionaries(
    st.sampled_from(["name", "first_name", "city", "order", "total", "deep", "flag", "many", "self", "environment"]),
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
            st.just("<!--" * 2000),
        ),
        lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.sampled_from(["id", "items", "__class__"]), inner)),
        max_leaves=6,
    ),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=8).map("".join), values)
def test_no_template_takes_long_or_ends_in_anything_but_our_errors(source: str, variables: dict[str, Any]) -> None:
    with quickly(READING):
        try:
            read_text(source)
        except Invalid:
            return
    with quickly():
        try:
            text = render(source, variables)
        except CannotRender:
            return
    assert len(text) <= MAX_RENDERED_CHARACTERS
    assert "<built-in" not in text
    assert " object at 0x" not in text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_is_read_or_refused(source: str) -> None:
    try:
        read_text(source)
        render(source, {})
    except (Invalid, CannotRender):
        pass

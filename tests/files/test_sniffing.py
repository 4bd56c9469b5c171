"""A file is what its bytes say, whatever it is called."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.files.samples import REFUSED, TYPES, png
from tidings.errors import Invalid
from tidings.files.sniffing import sniff


@pytest.mark.parametrize("content_type", TYPES)
def test_each_kind_that_is_taken_is_told_by_its_bytes(content_type: str) -> None:
    assert sniff(io.BytesIO(TYPES[content_type]), "anything.exe") == content_type


@pytest.mark.parametrize("what", [name for name, (_, content) in REFUSED.items() if content])
def test_what_is_none_of_them_is_refused(what: str) -> None:
    name, content = REFUSED[what]
    with pytest.raises(Invalid) as refused:
        sniff(io.BytesIO(content), name)
    assert "Nothing was kept" in refused.value.detail


def test_an_ending_tells_apart_plain_texts_only() -> None:
    table = b"name,phone\nAmina,0712345678\n"
    assert [sniff(io.BytesIO(table), name) for name in ("a.csv", "a.CSV", "a.txt", "a.vcf")] == [
        "text/csv",
        "text/csv",
        "text/plain",
        "text/vcard",
    ]
    assert sniff(io.BytesIO(png()), "a.csv") == "image/png"


@given(
    st.binary(max_size=600), st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"RIFF", b"\0\0\0\x14ftyp", b"OggS"])
)
def test_no_bytes_at_all_make_it_fail_in_another_way(content: bytes, beginning: bytes) -> None:
    try:
        found = sniff(io.BytesIO(beginning + content), "a")
    except Invalid:
        return
    assert found in TYPES or found.startswith("text/")

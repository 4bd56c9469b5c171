"""Our signatures against Twilio's own library, and against vectors seen elsewhere."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator, get_signature_algorithm

from tidings.providers.twilio.signature import SHA1, SHA256, algorithm_of, body_matches, is_signed, sign

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PAIRS = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


def test_the_published_vector() -> None:
    assert sign(TOKEN, URL, PAIRS) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert is_signed(TOKEN, URL, PAIRS, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not is_signed(TOKEN, URL, PAIRS, "RSOYDt4T1cUTdK1PDd93/VVr8B9=")
    assert not is_signed(TOKEN, URL, PAIRS, "")


@pytest.mark.parametrize("called", ["https://mycompany.com/x?a=1", "https://mycompany.com:443/x?a=1"])
@pytest.mark.parametrize("signed", ["https://mycompany.com/x?a=1", "https://mycompany.com:443/x?a=1"])
def test_the_port_may_be_there_or_not(called: str, signed: str) -> None:
    assert is_signed(TOKEN, called, PAIRS, sign(TOKEN, signed, PAIRS))


def test_another_port_is_another_address() -> None:
    assert not is_signed(TOKEN, "https://mycompany.com/x", PAIRS, sign(TOKEN, "https://mycompany.com:8443/x", PAIRS))


_WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_FORMS = st.dictionaries(_WORDS.filter(bool), _WORDS, max_size=8)
_URLS = st.builds(
    "{}://{}{}/{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.com", "a.b.example", "127.0.0.1"]),
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.text("abc/_-", max_size=10),
    st.sampled_from(["", "?m=msg_1", "?a=%20b&c=d"]),
)


@given(_URLS, _FORMS, st.sampled_from([SHA1, SHA256]), st.text(min_size=1, max_size=30).filter(lambda text: text.isascii()))
def test_twilios_library_computes_the_same(url: str, form: dict[str, str], algorithm: str, token: str) -> None:
    assert sign(token, url, form.items(), algorithm) == RequestValidator(token).compute_signature(url, form, algorithm)


@given(_URLS, _URLS, _FORMS, st.sampled_from([SHA1, SHA256]))
def test_twilios_library_believes_the_same(signed: str, called: str, form: dict[str, str], algorithm: str) -> None:
    signature = sign(TOKEN, signed, form.items(), algorithm)
    assert is_signed(TOKEN, called, list(form.items()), signature, algorithm) == RequestValidator(TOKEN).validate(
        called, form, signature, algorithm
    )


def test_a_repeated_value_counts_once_as_in_twilios_library() -> None:
    class Multi(dict):
        def getlist(self, name: str) -> list[str]:
            return [value for key, value in pairs if key == name]

    pairs = [("b", "2"), ("a", "1"), ("a", "1"), ("a", "0")]
    assert sign(TOKEN, URL, pairs) == RequestValidator(TOKEN).compute_signature(URL, Multi(pairs))


@given(st.text(max_size=60) | st.sampled_from(["key=k,algorithm=HMAC_SHA256", " algorithm = hmac_sha256 ,key=x", "algorithm=", ""]))
def test_the_settings_header_is_read_as_in_twilios_library(header: str) -> None:
    assert algorithm_of(header) == get_signature_algorithm(header).upper()


def test_a_json_body_is_held_by_its_hash() -> None:
    body = b'{"a": 1}'
    url = f"https://x.example/hook?bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert body_matches(url, body)
    assert not body_matches(url, body + b" ")
    assert not body_matches("https://x.example/hook", body)
    assert RequestValidator(TOKEN).validate(url, body.decode(), sign(TOKEN, url, []))

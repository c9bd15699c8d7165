"""Answers of Winstore that no honest system gives: an error of the answer, and no end of the process.

Source: test catalogue, rows 64 to 68 and 72. Pages of Business Central: sync/test_read_bc.py.
"""

import gzip
from collections.abc import Callable

import httpx
import pytest
import respx

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.systems.transport import Answer, Transport
from winbc_pipeline.systems.winstore import load_profile
from winbc_pipeline.systems.winstore.rows import records_in

from .test_transport import BASE
from .test_transport import door as door
from .test_transport import time as time

JSON, XML = "application/json", "application/xml"
AROUND = ("<customers><customer><customerid>", "</customerid></customer></customers>")
BOMB = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
REFUSED = {
    "deep JSON": (JSON, b"[" * 100_000 + b"]" * 100_000),
    "5,000 digits": (JSON, b'{"customers":{"customer":[{"customerid":' + b"9" * 5000 + b"}]}}"),
    "NaN": (JSON, b'{"customers":{"customer":[{"customerid":NaN}]}}'),
    "1e999": (JSON, b'{"customers":{"customer":[{"customerid":1e999}]}}'),
    "half a character": (JSON, b'{"customers":{"customer":[{"customerid":"a\\ud800"}]}}'),
    "cut JSON": (JSON, b'{"customers":{"customer":[{"custo'),
    "latin-1 JSON": (JSON, '{"customers":{"customer":[{"customerid":"é"}]}}'.encode("latin-1")),
    "null": (JSON, b"null"),
    "a list": (JSON, b"[]"),
    "a text": (JSON, b'""'),
    "nothing": (JSON, b""),
    "no XML": (XML, b""),
    "a page": ("text/html", b"<html><body>Please sign in</body></html>"),
    "cut XML": (XML, b"<customers><customer><customerid>1</customerid>"),
    "DOCTYPE": (XML, f"<!DOCTYPE customers>{AROUND[0]}1{AROUND[1]}".encode()),
    "a file": (XML, f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{AROUND[0]}&x;{AROUND[1]}'.encode()),
    "billion laughs": (XML, f'<!DOCTYPE a [<!ENTITY x0 "ha">{BOMB}]>{AROUND[0]}&x9;{AROUND[1]}'.encode()),
    "deep XML": (XML, f"{AROUND[0]}{'<a>' * 20_000}{'</a>' * 20_000}{AROUND[1]}".encode()),
    "control character": (XML, f"{AROUND[0]}1\x00{AROUND[1]}".encode()),
    "named control character": (XML, f"{AROUND[0]}1&#8;{AROUND[1]}".encode()),
    "a field twice": (JSON, b'{"customers":{"customer":[{"customerid":"1","email":"a","email":"b"}]}}'),
    "a field twice, spelled in two ways": (JSON, b'{"customers":{"customer":[{"email":"a","em\\u0061il":"b"}]}}'),
    "records twice": (JSON, b'{"customers":{"customer":[{"customerid":"1"}]},"customers":""}'),
    "latin-1 as UTF-8": (XML, f'<?xml version="1.0" encoding="utf-8"?>{AROUND[0]}é{AROUND[1]}'.encode("latin-1")),
}
# What comes, and the id that is read of it.
TAKEN = {
    "JSON with a mark of its encoding": (JSON, b'\xef\xbb\xbf{"customers":{"customer":[{"customerid":"007"}]}}', "007"),
    "XML with a mark of its encoding": (XML, f"\ufeff{AROUND[0]}007{AROUND[1]}".encode(), "007"),
    "XML that says latin-1": (
        XML,
        f'<?xml version="1.0" encoding="iso-8859-1"?>{AROUND[0]}é{AROUND[1]}'.encode("latin-1"),
        "é",
    ),
    "a number with an exponent": (JSON, b'{"customers":{"customer":[{"customerid":1E5}]}}', "1E5"),
    "more decimals than a float has": (
        JSON,
        b'{"customers":{"customer":[{"customerid":12345678901234567.99}]}}',
        "12345678901234567.99",
    ),
    "more digits than 64 bits have": (
        JSON,
        b'{"customers":{"customer":[{"customerid":' + b"9" * 25 + b"}]}}",
        "9" * 25,
    ),
    "13 digits": (JSON, b'{"customers":{"customer":[{"customerid":8712345678901}]}}', "8712345678901"),
    "a text that looks like a number": (JSON, b'{"customers":{"customer":[{"customerid":"1E5"}]}}', "1E5"),
}

LIKE_NAMES = ["", '\\":', "\\u0022:", '\\"email\\":']  # texts that look like names of fields, as JSON writes them


def read(kind: str, content: bytes) -> list[dict[str, object]]:
    profile = load_profile(None).entity("customers")
    answer = Answer(200, httpx.Headers({"content-type": kind}), content, "id")
    return records_in(answer, profile.call, profile.records)


@pytest.mark.parametrize(("kind", "content"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_cannot_be_trusted_is_refused(kind: str, content: bytes) -> None:
    with pytest.raises(UnreadableAnswer, match="E-ANSWER"):
        read(kind, content)


@pytest.mark.parametrize(("kind", "content", "key"), TAKEN.values(), ids=TAKEN)
def test_what_is_only_odd_is_read_as_it_was_sent(kind: str, content: bytes, key: str) -> None:
    assert [str(row["customerid"]) for row in read(kind, content)] == [key]


@pytest.mark.parametrize("text", LIKE_NAMES)
def test_a_field_that_a_record_has_twice_is_named(text: str) -> None:
    """Row 67: readers of JSON take the last value in silence."""
    content = f'{{"customers":{{"customer":[{{"note":"{text}","email":"a","email":"b"}}]}}}}'.encode()
    with pytest.raises(UnreadableAnswer, match="has `email` twice"):
        read(JSON, content)


@pytest.mark.parametrize("text", LIKE_NAMES)
def test_a_text_that_looks_like_the_name_of_a_field_is_none(text: str) -> None:
    content = f'{{"customers":{{"customer":[{{"note":"{text}","email" : "a"}},{{"email":"b"}}]}}}}'.encode()
    assert [row["email"] for row in read(JSON, content)] == ["a", "b"]


def test_the_name_of_a_field_that_is_no_name_is_not_shown() -> None:
    """Row 67: it may hold anything."""
    content = b'{"customers":{"customer":[{"anna@mail.example, 7":1,"anna@mail.example, 7":2}]}}'
    with pytest.raises(UnreadableAnswer, match="has a field twice"):
        read(JSON, content)


@pytest.mark.parametrize("content", [b'{"customers":""}', b'{"customers":null}', b'{"customers":{"customer":[]}}'])
def test_an_answer_without_records_is_none(content: bytes) -> None:
    """Source: winstore.md section 2: an empty element means that there is nothing."""
    assert read(JSON, content) == []


@respx.mock
def test_the_cap_is_that_of_the_unpacked_answer(door: Callable[..., Transport]) -> None:
    """Row 64."""
    packed = gzip.compress(b" " * 5_000_000)
    assert len(packed) < 10_000
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, content=packed)
    respx.get(f"{BASE}/items").mock(return_value=answer)
    with pytest.raises(UnreadableAnswer, match="larger than 1000000 bytes"):
        door(answer_bytes=1_000_000).call("GET", "items")

"""Whatever bytes come, they are records or UnreadableAnswer, and nothing else. Source: docs/security.md."""

import contextlib
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.systems.business_central.client import _sliced as page_of
from winbc_pipeline.systems.business_central.client import _value as records_of
from winbc_pipeline.systems.transport import Answer

from .test_hostile_answers import JSON, REFUSED, TAKEN, XML, read

MINUTES = 5
SEEDS = [content for _, content, *_ in (*REFUSED.values(), *TAKEN.values()) if len(content) < 2000]
PARTS = [
    b'{"customers":',
    b'{"customer":',
    b"[",
    b"]",
    b"{",
    b"}",
    b'"customerid":',
    b'"\\ud800"',
    b"NaN",
    b"1e999",
    b",",
    b"null",
    b"<customers>",
    b"</customers>",
    b"<customer>",
    b"</customer>",
    b"<customerid>",
    b"&#8;",
    b"<!DOCTYPE x>",
    b"<![CDATA[",
    b"]]>",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b'<?xml version="1.0" encoding="utf-16"?>',
    b'{"value":[',
    b'"@odata.nextLink":',
    b"\x00",
]
BYTES = st.binary(max_size=60) | st.lists(st.sampled_from(PARTS) | st.binary(max_size=4), max_size=25).map(b"".join)


def mutated(seed: bytes, place: int, put_in: bytes, cut: int) -> bytes:
    """An answer with something else at a place."""
    at = place % (len(seed) + 1)
    return seed[:at] + put_in + seed[at + cut :]


CHANGED = st.builds(mutated, st.sampled_from(SEEDS), st.integers(0, 2000), BYTES, st.integers(0, 20))


def taken_or_refused(content: bytes) -> None:
    for kind in (JSON, XML, "text/html"):
        with contextlib.suppress(UnreadableAnswer):
            assert all(isinstance(row, dict) for row in read(kind, content))
    answer = Answer(200, httpx.Headers({"content-type": JSON}), content, "id")
    for read_page in (page_of, records_of):
        with contextlib.suppress(UnreadableAnswer):
            read_page(answer)


@settings(max_examples=60, deadline=None)
@given(BYTES | CHANGED)
def test_any_bytes_are_records_or_an_unreadable_answer(content: bytes) -> None:
    taken_or_refused(content)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(BYTES | CHANGED)
def test_any_of_a_hundred_thousand_answers_is_records_or_unreadable(content: bytes) -> None:
    taken_or_refused(content)


@pytest.mark.soak
def test_atheris_finds_no_answer_that_is_neither(tmp_path: Path) -> None:
    """Guided by the branches that an answer takes; needs `atheris` (extra `fuzz`)."""
    pytest.importorskip("atheris")
    for number, seed in enumerate(SEEDS):
        (tmp_path / str(number)).write_bytes(seed)
    script = f"""
import sys, atheris
with atheris.instrument_imports(include=["winbc_pipeline.systems"]):
    from winbc_pipeline.systems.winstore import rows
    from winbc_pipeline.systems.business_central import client
from winbc_pipeline_tests.systems.test_fuzzed_answers import taken_or_refused
atheris.Setup([sys.argv[0], {str(tmp_path)!r}, "-max_total_time={60 * MINUTES}", "-max_len=4096"], taken_or_refused)
atheris.Fuzz()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

"""Pages of Business Central that no JSON reader takes: an error of the page, and no end of the process."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.sync.reading.read_bc import changed

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "page",
    [b"[" * 100_000, b'[{"unitPrice":' + b"9" * 5000 + b"}]", b'[{"a":', b""],
    ids=["deep", "digits", "cut", "empty"],
)
def test_a_page_that_cannot_be_read_is_an_error_of_the_page(page: bytes) -> None:
    source: Any = SimpleNamespace(pages=lambda *_: [page])
    with pytest.raises(UnreadableAnswer, match="A page of items is no JSON"):
        list(changed(source, "items", SINCE, "", "$select=id"))


def test_a_page_in_which_a_record_has_a_field_twice_is_refused_and_the_field_is_named() -> None:
    """Source: test catalogue, row 67."""
    source: Any = SimpleNamespace(pages=lambda *_: [b'[{"unitPrice":1,"number":"A","unitPrice":2}]'])
    with pytest.raises(UnreadableAnswer, match="has `unitPrice` twice"):
        list(changed(source, "items", SINCE, "", "$select=id"))

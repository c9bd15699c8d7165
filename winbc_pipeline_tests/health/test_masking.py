"""What of a record's values is published. Source: docs/dashboard.md (What is published)."""

from typing import Any

import orjson
import pytest

from winbc_pipeline.health.publishing.masking import Mask
from winbc_pipeline.staging.published.outcomes import MASKED

MASK = Mask(sent={"order": {"number"}}, changed={"order": {"number"}}, lines="lines")


@pytest.mark.parametrize(
    ("name", "value", "published"),
    [
        ("number", "W1", "W1"),
        ("shipToName", "Anna", MASKED),
        ("shipToName", "", ""),
        ("shipToName", None, None),
        ("address", {"street": "Kerkweg"}, MASKED),
        ("names", ["Anna"], MASKED),
        ("amount", 9.95, 9.95),
        ("pricesIncludeTax", True, True),
        ("lines", [{"sku": "S1", "description": "for Anna"}], [{"sku": "S1", "description": MASKED}]),
    ],
)
def test_of_a_body_codes_amounts_and_lines_without_free_texts_are_published(
    name: str, value: Any, published: Any
) -> None:
    text = MASK.body("order", orjson.dumps({name: value}).decode())
    assert text is not None and orjson.loads(text) == {name: published}


def test_of_another_part_no_text_is_published() -> None:
    assert MASK.body("customer", '{"number":"C1"}') == f'{{"number":"{MASKED}"}}'


def test_a_call_of_several_operations_is_not_published() -> None:
    assert MASK.body("order", '[{"method":"PATCH"}]') is None


@pytest.mark.parametrize(
    ("field", "old", "new", "published"),
    [
        ("number", "W1", "W2", ("W1", "W2")),
        ("shipToName", "Anna", "Eva", (MASKED, MASKED)),
        ("shipToName", None, "Eva", (None, MASKED)),
        ("line 2 quantity", 1, 2, (1, 2)),
        ("line 2 description", "for Anna", "", (MASKED, MASKED)),
        ("line 2 description2", "for Anna", "", (MASKED, MASKED)),
        ("line 2 quantity of Anna", 1, 2, (MASKED, MASKED)),
    ],
)
def test_of_changes_open_fields_and_those_of_lines_without_free_texts_are_published(
    field: str, old: Any, new: Any, published: tuple[Any, Any]
) -> None:
    text = MASK.changes("order", orjson.dumps([{"field": field, "old": old, "new": new}]).decode())
    assert text is not None
    assert orjson.loads(text) == [{"field": field, "old": published[0], "new": published[1]}]

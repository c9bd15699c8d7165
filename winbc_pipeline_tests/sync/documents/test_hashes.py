"""What is kept of a new document: a hash per field, the same whether the body tells of it or the plan."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.sync.documents.candidates import KNOWN, Candidate
from winbc_pipeline.sync.documents.decide import body_of
from winbc_pipeline.sync.documents.hashes import sent_hashes, unsent_hashes, with_body
from winbc_pipeline.systems.business_central.client import dumps

LINES = "salesOrderLines"
KEY = "the key of this installation"
VALUES = st.none() | st.text(max_size=3) | st.booleans() | st.decimals(-99, 99, places=2) | st.integers(0, 9)
FIELDS = st.dictionaries(st.sampled_from(["city", "email", "quantity", "unitPrice", "expectedTotal"]), VALUES)


def candidate(header: dict[str, Any], lines: list[dict[str, Any]]) -> Candidate:
    keyed = [line | {"_key": f"W1/{number}"} for number, line in enumerate(lines, 1)]
    nothing = dict.fromkeys((*KNOWN, "sent_version"))
    day = date(2026, 3, 3)
    return Candidate("W1", day, "", "", "", None, None, False, None, header, keyed, [], None, KEY, known=nothing)


def kept(order: Candidate, customer: str | None) -> dict[str, str]:
    """What the ledger has of an order once it was sent."""
    body = dumps(body_of(order, customer, LINES)).decode()
    hashes: dict[str, str] = json.loads(with_body(KEY, dumps(unsent_hashes(order)).decode(), body, LINES))
    return hashes


@given(FIELDS, st.lists(FIELDS, max_size=3))
def test_a_new_document_is_kept_as_one_that_is_there(header: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    order = candidate(header, lines)
    assert kept(order, None) == sent_hashes(order)


def test_the_number_of_the_debtor_is_kept_as_the_tables_say_it() -> None:
    order = candidate({"customerNumber": "10000", "city": "Utrecht"}, [{"quantity": Decimal(1)}])
    assert kept(order, "20000") == sent_hashes(order)


def test_lines_are_kept_by_their_keys() -> None:
    order = candidate({}, [{"quantity": Decimal(1)}, {"quantity": Decimal(1)}])
    assert {name for name in kept(order, "20000") if name.startswith("W1/")} == {
        "W1/1 quantity",
        "W1/1 sequence",
        "W1/2 quantity",
        "W1/2 sequence",
    }

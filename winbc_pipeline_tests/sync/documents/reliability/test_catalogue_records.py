"""Rows of the reliability catalogue about references, credentials and refusals; each test names its row."""

import csv
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.errors import AuthenticationFailed, SystemUnavailable
from winbc_pipeline.flows import sent_by_winstore
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.documents.existing import LONGEST, is_reference
from winbc_pipeline.systems.business_central import auth

from ....support.order_flow import OrderFlow
from ....support.order_sandboxes import KNOWN_SKU
from ....support.sandboxes import REPOSITORY, Sandboxes
from .test_crashes import ITEM

pytestmark = pytest.mark.proof

FLOW = "orders_winstore_to_bc"
TYPED = {"lineType": "Item", "lineObjectNumber": KNOWN_SKU, "quantity": 1}


# References.


@given(st.text(max_size=LONGEST + 2))
def test_a_reference_that_is_sent_is_as_business_central_keeps_it(text: str) -> None:
    """Row 16: a Code is trimmed and in capitals, so that two different references stay different."""
    if is_reference(text):
        assert text == text.strip().upper()
        assert text.isascii()
        assert 1 <= len(text) <= LONGEST


@pytest.fixture(scope="module")
def shipped() -> Callable[[list[str]], list[str]]:
    """The references that the shipped table's formula makes of order numbers."""
    with (REPOSITORY / "mapping_tables" / FLOW / "order.csv").open(encoding="utf-8", newline="") as file:
        formula = next(row["source"] for row in csv.DictReader(file) if row["target_field"] == "externalDocumentNumber")
    connection = duckdb.connect()

    def made(numbers: list[str]) -> list[str]:
        sql = f"SELECT {formula} FROM (SELECT unnest(?) AS ordernr)"
        return [row[0] for row in connection.execute(sql, [numbers]).fetchall()]

    return made


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=LONGEST)
NUMBERS = st.from_regex(r"[ ]?[A-Za-z0-9][A-Za-z0-9._/-]{0,9}[ ]?", fullmatch=True) | PRINTABLE


@given(NUMBERS, NUMBERS)
def test_the_formula_of_the_reference_tells_two_orders_apart(
    shipped: Callable[[list[str]], list[str]], one: str, other: str
) -> None:
    """Row 16: two numbers have one reference only where they differ in case, or in blanks at their ends."""
    first, second = shipped([one, other])
    if is_reference(first) and is_reference(second):
        assert (first == second) == (one.strip(" ").upper() == other.strip(" ").upper())


@given(NUMBERS)
def test_the_formula_of_the_reference_leaves_what_it_made_as_it_is(
    shipped: Callable[[list[str]], list[str]], number: str
) -> None:
    """Row 16."""
    (reference,) = shipped([number])
    if is_reference(reference):
        assert shipped([reference.removeprefix("WS-")]) == [reference]
        assert reference == sent_by_winstore.reference(Settings(), number)


def test_the_formula_of_the_reference_keeps_leading_zeros(shipped: Callable[[list[str]], list[str]]) -> None:
    """Row 16."""
    assert shipped(["007", "7", "0x7", "1E5", "100000"]) == ["WS-007", "WS-7", "WS-0X7", "WS-1E5", "WS-100000"]


@given(st.text(max_size=LONGEST))
def test_the_reference_of_a_number_does_not_depend_on_how_the_number_is_written(number: str) -> None:
    """Row 16."""
    settings = Settings()
    reference = sent_by_winstore.reference(settings, number)
    assert sent_by_winstore.reference(settings, f" {reference.removeprefix('WS-')} ") == reference


@pytest.mark.parametrize("number", [" W1 ", "w1", "W1"])
def test_case_and_blanks_do_not_make_another_reference(order_flow: OrderFlow, number: str) -> None:
    """Row 16."""
    order_flow.types("W1")
    order_flow.order(number)
    order_flow.sync()
    assert [row["target_no"] for row in order_flow.ledger().values()] == [order_flow.document()["number"]]


@pytest.mark.parametrize("number", ["W\u20131", "We\u0301", "W\u00a01", "W\u200b1"])
def test_signs_that_look_alike_are_refused_and_never_changed(order_flow: OrderFlow, number: str) -> None:
    """Row 16: a dash, a composed letter, blanks that do not show."""
    order_flow.order(number)
    order_flow.sync()
    assert [(row["state"], row["reason"]) for row in order_flow.ledger().values()] == [("FAILED", "REFERENCE")]
    assert order_flow.records("salesOrders") == []


# Credentials.


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked for a token."""
    asked, post = list[str](), auth._MsalDoor.post

    def counted(self: auth._MsalDoor, url: str, **given: object) -> object:
        asked.append(url)
        return post(self, url, **given)

    monkeypatch.setattr(auth._MsalDoor, "post", counted)
    return asked


def test_a_token_that_expired_for_five_calls_at_once_is_renewed_once(sandboxes: Sandboxes, tokens: list[str]) -> None:
    """Row 52."""
    header = auth.authorization_source(sandboxes.settings.bc)
    refused = header(None)
    with ThreadPoolExecutor(5) as pool:
        fresh = set(pool.map(header, [refused] * 5))
    assert len(fresh) == 1
    assert fresh != {refused}
    assert len(tokens) == 2


def test_an_authority_that_gives_no_token_is_not_asked_again_and_again(
    sandboxes: Sandboxes, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 52."""
    sandboxes.fill(orders=[{"order_number": f"W{number}"} for number in range(50)])
    monkeypatch.setenv("WINBC_BC__CLIENT_SECRET", "changed meanwhile")
    sandboxes.settings = Settings(**dict(sandboxes.settings) | {"bc": Settings().bc})
    with pytest.raises(AuthenticationFailed, match="client secret"):
        sandboxes.sync(FLOW)
    assert len(tokens) <= sandboxes.settings.bc.in_flight


def test_a_permission_that_is_missing_for_one_call_is_named_and_stops_this_flow_only(sandboxes: Sandboxes) -> None:
    """Row 53."""
    sandboxes.fill(orders=[{}])
    sandboxes.fault("bc", {"kind": "status", "status": 403, "path": "salesShipments", "times": 9})
    with pytest.raises(AuthenticationFailed, match="GET salesShipments"):
        sandboxes.sync(FLOW)
    assert sandboxes.sync("products_winstore_to_bc").created == 1
    assert sandboxes.bc()["records"].get("salesOrders", []) == []
    sandboxes.fault("bc")
    assert sandboxes.sync(FLOW).created == 1


# Refusals.


def test_a_header_that_a_refused_order_left_behind_is_found_and_told(order_flow: OrderFlow) -> None:
    """Row 56, where the server does not take the whole order back."""
    order_flow.edit_table("order_line", "taxCode", source="if(linenr = '2', 'NONE', 'VAT21')")
    order_flow.send(lines=[{}, {}])
    assert order_flow.outcome()[0] == "FAILED"
    header = {"customerNumber": order_flow.records("customers")[0]["number"], "externalDocumentNumber": "WS-W1"}
    assert order_flow.by_person("POST", "salesOrders", header | {"salesOrderLines": [TYPED]}).status_code == 201
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "INCOMPLETE")
    assert "has not all lines" in (order_flow.ledger()["W1"]["message"] or "")
    assert len(order_flow.records("salesOrders")) == 1


REFUSED, STOPPED = ("FAILED", "RELATION_MISSING"), ("PLANNED", "STOPPED")


def place_refused(order_flow: OrderFlow, count: int) -> None:
    order_flow.edit_table("order_line", "taxCode", source="'NONE'")
    for number in range(count):
        order_flow.order(f"W{number}")


def outcomes(order_flow: OrderFlow) -> Counter[tuple[str, str | None]]:
    return Counter((row["state"], row["reason"]) for row in order_flow.ledger().values())


def test_a_run_stops_when_many_orders_in_a_row_are_refused_alike(order_flow: OrderFlow) -> None:
    """Row 61."""
    place_refused(order_flow, 1000)
    assert order_flow.sync().failed == 1000
    seen = outcomes(order_flow)
    assert set(seen) == {REFUSED, STOPPED}
    assert 20 <= seen[REFUSED] <= 120  # the five calls with 20 orders each that were under way are answered
    words = {row["message"] for row in order_flow.ledger().values() if row["reason"] == "STOPPED"}
    assert all("in a row ended with Internal_InvalidTableRelation" in each for each in words)


def test_what_a_stopped_run_left_goes_once_the_cause_is_mended(order_flow: OrderFlow) -> None:
    place_refused(order_flow, 150)
    order_flow.sync()
    order_flow.edit_table("order_line", "taxCode", source="'VAT21'")
    order_flow.order("Z1")
    assert order_flow.sync().failed == 0
    assert len(order_flow.records("salesOrders")) == 151


def test_orders_that_were_refused_before_hold_up_no_other_order(order_flow: OrderFlow) -> None:
    place_refused(order_flow, 40)
    order_flow.sync()
    order_flow.edit_table("order_line", "taxCode", source="if(ordernr = 'Z1', 'VAT21', 'NONE')")
    order_flow.order("Z1")
    order_flow.sync()
    assert order_flow.outcome("Z1")[0] == "CONFIRMED"


def test_a_run_may_be_told_never_to_stop(order_flow: OrderFlow) -> None:
    orders = order_flow.settings.orders.model_copy(update={"stop_after": 0})
    order_flow.settings = order_flow.settings.model_copy(update={"orders": orders})
    place_refused(order_flow, 150)
    order_flow.sync()
    assert outcomes(order_flow) == {REFUSED: 150}


@pytest.mark.parametrize("answer", [{"text": "Internal Server Error"}, {"json": {"error": "server_error"}}])
def test_an_authority_that_answers_500_stops_the_flow_and_is_not_asked_again_and_again(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    """Row 52."""
    sandboxes.seed_bc(items=[ITEM])
    sandboxes.fill(orders=[{"order_number": f"W{number}"} for number in range(5)])
    asked, post = list[str](), auth._MsalDoor.post

    def broken(_: auth._MsalDoor, url: str, **__: object) -> httpx.Response:
        asked.append(url)
        return httpx.Response(500, **answer)

    monkeypatch.setattr(auth._MsalDoor, "post", broken)
    with pytest.raises(SystemUnavailable, match="authority"):
        sandboxes.sync(FLOW)
    assert len(asked) <= sandboxes.settings.bc.in_flight
    assert sandboxes.bc()["writes"] == []

    monkeypatch.setattr(auth._MsalDoor, "post", post)
    assert sandboxes.sync(FLOW).created == 5


def test_orders_that_are_refused_again_and_again_hold_up_no_other(order_flow: OrderFlow) -> None:
    """Neither one that a run did not come to, nor a new one."""
    place_refused(order_flow, 90)
    order_flow.edit_table("order_line", "taxCode", source="if(starts_with(ordernr, 'Z'), 'VAT21', 'NONE')")
    order_flow.order("Z0")
    for _ in range(6):
        order_flow.sync()
    assert order_flow.outcome("Z0")[0] == "CONFIRMED"

    for number in range(1, 4):
        order_flow.order(f"Z{number}")
        order_flow.sync()
        assert order_flow.outcome(f"Z{number}")[0] == "CONFIRMED"

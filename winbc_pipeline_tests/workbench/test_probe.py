"""`winbc check --probe`: Business Central says what it would refuse, and is left as it was."""

from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main

from ..support.order_flow import OrderFlow
from ..support.order_sandboxes import BC

pytestmark = pytest.mark.proof

LEFT = ("customers", "contacts", "salesOrders", "salesOrderLines", "salesInvoices", "salesInvoiceLines")
DEFAULT = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}


@pytest.fixture
def desk(order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> OrderFlow:
    monkeypatch.setattr(main, "load_settings", lambda: order_flow.settings)
    return order_flow


def probe(order_flow: OrderFlow, *arguments: str, answer: str | None = None) -> tuple[int, str]:
    """Exit code and words of a probe that leaves nothing behind."""
    before = {place: order_flow.records(place) for place in LEFT}
    done = CliRunner().invoke(main.app, ["check", "--probe", *arguments], input=answer)
    assert {place: order_flow.records(place) for place in LEFT} == before
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("document", ["order", "invoice"])
def test_a_document_that_would_be_taken_is_undone(desk: OrderFlow, document: str) -> None:
    desk.choose(document=document)
    code, words = probe(desk, "--yes")
    assert code == 0, words
    assert "a document would be taken for a new customer; Business Central undid it, and nothing is left" in words
    tried = [each for each in desk._control(BC, "log")["calls"] if each["method"] == "POST"]
    assert tried, "it was really tried"


def test_it_says_what_it_does_and_asks(desk: OrderFlow) -> None:
    code, words = probe(desk, answer="n\n")
    assert code == 2
    assert "Business Central then undoes all of it" in words
    assert not any(each["method"] == "POST" for each in desk._control(BC, "log")["calls"])


def test_without_the_option_nothing_is_ever_sent(desk: OrderFlow) -> None:
    assert CliRunner().invoke(main.app, ["check"]).exit_code == 0
    assert not any(each["method"] == "POST" for each in desk._control(BC, "log")["calls"])


def test_default_customers_are_tried_too(desk: OrderFlow) -> None:
    desk.seed(customers=[DEFAULT])
    desk.choose(default_customer="SHOP")
    assert "would be taken for a new customer, SHOP" in probe(desk, "--yes")[1]
    desk.choose(default_customer="SHOP", force_default_customer=True)
    assert "would be taken for SHOP;" in probe(desk, "--yes")[1]


def test_what_business_central_refuses_is_told_in_its_words(desk: OrderFlow) -> None:
    desk.edit_table("order", "sellToCountry", source="'XX'")
    code, words = probe(desk, "--yes")
    assert code == 2
    assert "Business Central refuses a document for a new customer" in words
    assert "XX" in words


def test_a_missing_template_is_found_and_what_to_do_is_said(desk: OrderFlow) -> None:
    desk.without_templates()
    code, words = probe(desk, "--yes")
    assert code == 2
    assert "Business Central refuses a document for a new customer" in words
    assert "Gen. Bus. Posting Group must have a value in Customer: No.=PROBE-" in words
    assert "In API Setup, choose a template for the table Customer" in words


def test_tables_that_cannot_make_a_document_are_told(desk: OrderFlow) -> None:
    desk.edit_table("order", "requestedDeliveryDate", source="to_date(channel)", required="yes")
    code, words = probe(desk, "--yes")
    assert code == 2
    assert "requestedDeliveryDate: required, given nothing (order.csv row" in words


def test_a_probe_that_was_not_answered_is_told(desk: OrderFlow) -> None:
    desk.fault(BC, {"path": "$batch", "method": "POST", "kind": "drop_after"})
    code, words = probe(desk, "--yes")
    assert code == 2
    assert "The probe was not answered" in words


def test_what_was_not_undone_is_named(desk: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    from winbc_pipeline.systems.business_central import BusinessCentral

    batch = BusinessCentral.batch

    def commits(self: BusinessCentral, operations: list[Any], isolated: bool = False) -> Any:
        return batch(self, operations)  # as if an extension committed after each

    monkeypatch.setattr(BusinessCentral, "batch", commits)
    done = CliRunner().invoke(main.app, ["check", "--probe", "--yes"])
    assert done.exit_code == 2
    assert "The probe was not undone: customer PROBE-" in " ".join(done.output.split())


@pytest.mark.parametrize("arguments", [["--probe", "--contract", "winstore"], ["--yes"]])
def test_wrong_use(desk: OrderFlow, arguments: list[str]) -> None:
    assert CliRunner().invoke(main.app, ["check", *arguments]).exit_code == 2

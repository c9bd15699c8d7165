"""Sending of documents.

Source: APIV2's pages and its codeunit Send Sales Document [S]; tests TestActionSendDraftInvoice,
TestActionSendDraftCreditMemo, TestActionSendPostedCreditMemo, TestActionSendCancelledCreditMemo and
TestActionSendQuote [T].
"""

from typing import Any

import pytest

from ...conftest import Bc

KINDS = {"salesInvoices": "invoice", "salesCreditMemos": "Credit Memo", "salesQuotes": "Quote"}


def document(bc: Bc, entity: str, customer: dict[str, Any], *lines: dict[str, Any]) -> str:
    """The path of a new draft."""
    made = bc.post(entity, {"customerId": customer["id"], f"{entity[:-1]}Lines": list(lines)})
    return f"{entity}({made['id']})"


def done(bc: Bc, path: str, action: str) -> str:
    """The words of the refusal of an action; empty when it is done."""
    answer = bc.call("POST", f"{path}/Microsoft.NAV.{action}", {})
    if answer.status_code == 204:
        return ""
    return bc.refusal("POST", f"{path}/Microsoft.NAV.{action}", {})[2]


@pytest.fixture
def line(item: dict[str, Any]) -> dict[str, Any]:
    return {"itemId": item["id"], "quantity": 1}


def test_a_credit_memo_is_sent_once_it_is_posted(bc: Bc, customer: dict[str, Any], line: dict[str, Any]) -> None:
    path = document(bc, "salesCreditMemos", customer, line)
    assert done(bc, path, "send") == "The action can be applied to a posted credit memo only."
    assert (done(bc, path, "post"), done(bc, path, "send")) == ("", "")


def test_an_invoice_is_sent_as_draft_posted_and_cancelled(
    bc: Bc, customer: dict[str, Any], line: dict[str, Any]
) -> None:
    path = document(bc, "salesInvoices", customer, line)
    assert [done(bc, path, action) for action in ("send", "post", "send", "cancel", "send")] == [""] * 5


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ("salesInvoices", "Please add at least one line item to the invoice."),
        ("salesQuotes", "Please add at least one line item to the document."),
    ],
)
def test_a_draft_without_lines_is_not_sent(bc: Bc, customer: dict[str, Any], entity: str, words: str) -> None:
    assert done(bc, document(bc, entity, customer), "send") == words


@pytest.mark.parametrize("entity", list(KINDS))
def test_the_address_to_send_to_is_the_customers(
    bc: Bc, item: dict[str, Any], line: dict[str, Any], entity: str
) -> None:
    silent = bc.post("customers", {"displayName": "No mail"})
    path = document(bc, entity, silent, line)
    bc.patch(path, {"email": "only@document.example"})
    if entity == "salesCreditMemos":
        done(bc, path, "post")
    words = f"Specify email either for the customer or for the {KINDS[entity]} in email preview."
    assert done(bc, path, "send") == f"The send-to email is empty. {words}"


@pytest.mark.parametrize("entity", ["salesInvoices", "salesCreditMemos"])
def test_what_cannot_be_sent_stays_posted(bc: Bc, line: dict[str, Any], entity: str) -> None:
    silent = bc.post("customers", {"displayName": "No mail"})
    path = document(bc, entity, silent, line)
    answer = bc.call("POST", f"{path}/Microsoft.NAV.postAndSend", {})
    assert "The send-to email is empty." in answer.json()["error"]["message"]
    assert bc.get(path)["status"] == "Open"

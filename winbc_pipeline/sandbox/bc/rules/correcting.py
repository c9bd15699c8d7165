"""How a posted document is undone: corrective credit memos, canceled invoices and canceled credit memos."""

from decimal import Decimal

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog_error
from .document_dimensions import copy_set
from .masterdata import POSTED_STATES
from .posting import CREDIT_MEMOS, INVOICES, common_fields, post_credit_memo, post_invoice
from .sales import Kind, lines_of, recalculate, set_due_date


def make_corrective_credit_memo(company: Company, invoice: Record) -> None:
    """Makes a draft credit memo with the lines of a posted invoice."""
    _check_invoice(invoice)
    _draft_credit_memo(company, invoice)


def cancel_invoice(company: Company, invoice: Record) -> None:
    """Cancels a posted invoice, and posts a corrective credit memo for it."""
    _check_invoice(invoice)
    company.change(INVOICES.header, invoice | {"status": "Canceled", "remainingAmount": Decimal(0)})
    memo = _draft_credit_memo(company, invoice)
    post_credit_memo(company, memo)
    _update_header(company, CREDIT_MEMOS, memo["id"], {"status": "Corrective"})


def cancel_credit_memo(company: Company, memo: Record) -> None:
    """Cancels a corrective credit memo, and posts a corrective invoice for it (AL: codeunit 1339).

    The invoice that the credit memo had corrected is open again.
    """
    if memo["status"] == "Canceled":
        raise dialog_error("The credit memo cannot be cancelled because it has already been canceled.")
    if memo["status"] not in POSTED_STATES:
        raise dialog_error("The action can be applied to a posted credit memo only.")
    if memo["status"] != "Corrective":
        raise dialog_error("You cannot cancel this posted sales credit memo because it is not a corrective document.")
    company.change(CREDIT_MEMOS.header, memo | {"status": "Canceled"})
    again = {"status": "Open", "remainingAmount": memo["totalAmountIncludingTax"]}
    _update_header(company, INVOICES, memo["invoiceId"], again)
    invoice = _copy_document(company, memo, CREDIT_MEMOS, INVOICES, {"invoiceDate": company.today()})
    post_invoice(company, invoice)
    _update_header(company, INVOICES, invoice["id"], {"status": "Corrective", "remainingAmount": Decimal(0)})


def _check_invoice(invoice: Record) -> None:
    if invoice["status"] == "Canceled":
        raise dialog_error("The invoice cannot be canceled because it has already been canceled.")
    if invoice["status"] not in ("Open", "Paid"):
        raise dialog_error("The action can be applied to a posted invoice only.")


def _draft_credit_memo(company: Company, invoice: Record) -> Record:
    about = {"invoiceId": invoice["id"], "invoiceNumber": invoice["number"], "creditMemoDate": company.today()}
    return _copy_document(company, invoice, INVOICES, CREDIT_MEMOS, about)


def _copy_document(company: Company, document: Record, source: Kind, target: Kind, values: Record) -> Record:
    """Makes a draft of another kind with the same lines, dated today."""
    record = common_fields(company, document, target.header) | {"postingDate": company.today()} | values
    record |= {"status": "Draft", "number": company.next_number(target.header)}
    set_due_date(company, target, record, {})
    made = company.add(target.header, record)
    copy_set(company, document["id"], target.header, made["id"])
    for line in lines_of(company, source, document["id"]):
        copied = company.add(target.lines, common_fields(company, line, target.lines) | {"documentId": made["id"]})
        copy_set(company, line["id"], target.lines, copied["id"])
    return recalculate(company, target, made["id"])


def _update_header(company: Company, kind: Kind, document_id: str, values: Record) -> None:
    record = company.get(kind.header, document_id)
    if record:
        company.change(kind.header, record | values)

"""What undoes a posted document: corrective credit memos, cancelled invoices, cancelled credit memos."""

from decimal import Decimal

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog
from .masterdata import POSTED
from .posting import CREDITS, INVOICES, copied, post_credit_memo, post_invoice
from .sales import Kind, lines_of, recalculate, set_due_date


def correct(company: Company, invoice: Record) -> None:
    """`makeCorrectiveCreditMemo`: a draft with the lines of a posted invoice."""
    _check_invoice(invoice)
    _draft_of(company, invoice)


def cancel_invoice(company: Company, invoice: Record) -> None:
    """Posts a corrective credit memo; the invoice is Canceled."""
    _check_invoice(invoice)
    company.change(INVOICES.header, invoice | {"status": "Canceled", "remainingAmount": Decimal(0)})
    memo = _draft_of(company, invoice)
    post_credit_memo(company, memo)
    _becomes(company, CREDITS, memo["id"], {"status": "Corrective"})


def cancel_credit_memo(company: Company, memo: Record) -> None:
    """Posts a corrective invoice for a corrective credit memo, whose invoice is open again (AL: codeunit 1339)."""
    if memo["status"] == "Canceled":
        raise dialog("The credit memo cannot be cancelled because it has already been canceled.")
    if memo["status"] not in POSTED:
        raise dialog("The action can be applied to a posted credit memo only.")
    if memo["status"] != "Corrective":
        raise dialog("You cannot cancel this posted sales credit memo because it is not a corrective document.")
    company.change(CREDITS.header, memo | {"status": "Canceled"})
    again = {"status": "Open", "remainingAmount": memo["totalAmountIncludingTax"]}
    _becomes(company, INVOICES, memo["invoiceId"], again)
    invoice = _copy(company, memo, CREDITS, INVOICES, {"invoiceDate": company.today()})
    post_invoice(company, invoice)
    _becomes(company, INVOICES, invoice["id"], {"status": "Corrective", "remainingAmount": Decimal(0)})


def _check_invoice(invoice: Record) -> None:
    if invoice["status"] == "Canceled":
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    if invoice["status"] not in ("Open", "Paid"):
        raise dialog("The action can be applied to a posted invoice only.")


def _draft_of(company: Company, invoice: Record) -> Record:
    about = {"invoiceId": invoice["id"], "invoiceNumber": invoice["number"], "creditMemoDate": company.today()}
    return _copy(company, invoice, INVOICES, CREDITS, about)


def _copy(company: Company, document: Record, source: Kind, target: Kind, values: Record) -> Record:
    """A draft of another kind with the same lines, dated today."""
    record = copied(company, document, target.header) | {"postingDate": company.today()} | values
    record |= {"status": "Draft", "number": company.next_number(target.header)}
    set_due_date(company, target, record, {})
    made = company.add(target.header, record)
    for line in lines_of(company, source, document["id"]):
        company.add(target.lines, copied(company, line, target.lines) | {"documentId": made["id"]})
    return recalculate(company, target, made["id"])


def _becomes(company: Company, kind: Kind, document_id: str, values: Record) -> None:
    record = company.get(kind.header, document_id)
    if record:
        company.change(kind.header, record | values)

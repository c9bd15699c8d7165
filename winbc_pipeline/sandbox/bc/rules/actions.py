"""The bound actions of documents and journals (behaviour.md sections 14 and 15).

Here belongs: the list of actions, and the actions that post nothing. Posting: posting.py and correcting.py.
"""

from collections.abc import Callable

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog_error, unknown_segment
from .correcting import cancel_credit_memo, cancel_invoice, make_corrective_credit_memo
from .document_dimensions import copy_set, drop_set
from .lines import reset_quantities_to_handle
from .masterdata import POSTED_STATES
from .posting import (
    CREDIT_MEMOS,
    INVOICES,
    common_fields,
    post_credit_memo,
    post_invoice,
    post_journal,
    ship_and_invoice,
)
from .purchases import receive_and_invoice
from .sales import KINDS, Kind, lines_of, recalculate, set_due_date, shipment_date

QUOTES = KINDS["salesQuotes"]
Action = Callable[[Company, Record], None]


def run(company: Company, entity: str, action: str, record: Record) -> None:
    """Runs `Microsoft.NAV.{action}` on a record, in one transaction. Raises Refused.

    What is posted or cancelled and then sent stays posted or cancelled if it cannot be sent (AL: Commit() before it).
    """
    handler = ACTIONS.get((entity, action))
    if handler is None:
        raise unknown_segment(f"Microsoft.NAV.{action}")
    with company.transaction():
        company.log("POST", entity, record, {"action": f"Microsoft.NAV.{action}"})
        handler(company, record)
    if action.endswith("AndSend"):
        _check_email(company, KINDS[entity], record)


def send_invoice(company: Company, invoice: Record) -> None:
    """Sends an invoice, posted or not. The sandbox sends no mail: it checks that there is something to send to whom."""
    if invoice["status"] not in POSTED_STATES and not lines_of(company, INVOICES, invoice["id"]):
        raise dialog_error("Please add at least one line item to the invoice.")
    _check_email(company, INVOICES, invoice)


def send_credit_memo(company: Company, memo: Record) -> None:
    """Sends a posted credit memo."""
    if memo["status"] not in POSTED_STATES:
        raise dialog_error("The action can be applied to a posted credit memo only.")
    _check_email(company, CREDIT_MEMOS, memo)


def send_quote(company: Company, quote: Record) -> None:
    """Sends a quote, which gets the status Sent."""
    if not lines_of(company, QUOTES, quote["id"]):
        raise dialog_error("Please add at least one line item to the document.")
    _check_email(company, QUOTES, quote)
    company.change(QUOTES.header, quote | {"status": "Sent", "sentDate": company.now()})


def order_of_quote(company: Company, quote: Record) -> None:
    """Turns a quote into an order."""
    _convert_quote(company, quote, "salesOrders")


def invoice_of_quote(company: Company, quote: Record) -> None:
    """Turns a quote into a draft invoice."""
    _convert_quote(company, quote, "salesInvoices")


def _convert_quote(company: Company, quote: Record, header: str) -> None:
    kind = KINDS[header]
    record = common_fields(company, quote, header) | {"number": company.next_number(header), "status": "Draft"}
    record |= {kind.date: company.today(), "postingDate": company.today()}
    set_due_date(company, kind, record, {})
    made = company.add(header, record)
    copy_set(company, quote["id"], header, made["id"])
    for line in lines_of(company, QUOTES, quote["id"]):
        moved = common_fields(company, line, kind.lines) | {"documentId": made["id"]}
        if line["lineObjectNumber"]:
            moved["shipmentDate"] = shipment_date(company, kind, made)
        new = company.add(kind.lines, reset_quantities_to_handle(company.empty(kind.lines) | moved))
        copy_set(company, line["id"], kind.lines, new["id"])
        drop_set(company, line["id"])
        company.drop(QUOTES.lines, line)
    recalculate(company, kind, made["id"])
    drop_set(company, quote["id"])
    company.drop(QUOTES.header, quote)


def _check_email(company: Company, kind: Kind, document: Record) -> None:
    """Refuses a document whose customer has no e-mail address. That of the document itself does not count.

    AL: GetSendToEmailAddress of the pages reads the customer, and the address of an earlier preview.
    """
    customer = company.get("customers", document["customerId"]) or {}
    if not customer.get("email"):
        name = "invoice" if kind == INVOICES else kind.caption
        words = f"Specify email either for the customer or for the {name} in email preview."
        raise dialog_error(f"The send-to email is empty. {words}")


# The entity set and the name of each action.
ACTIONS: dict[tuple[str, str], Action] = {
    ("salesOrders", "shipAndInvoice"): ship_and_invoice,
    ("salesInvoices", "post"): post_invoice,
    ("salesInvoices", "postAndSend"): post_invoice,
    ("salesInvoices", "send"): send_invoice,
    ("salesInvoices", "cancel"): cancel_invoice,
    ("salesInvoices", "cancelAndSend"): cancel_invoice,
    ("salesInvoices", "makeCorrectiveCreditMemo"): make_corrective_credit_memo,
    ("salesCreditMemos", "post"): post_credit_memo,
    ("salesCreditMemos", "postAndSend"): post_credit_memo,
    ("salesCreditMemos", "send"): send_credit_memo,
    ("salesCreditMemos", "cancel"): cancel_credit_memo,
    ("salesCreditMemos", "cancelAndSend"): cancel_credit_memo,
    ("salesQuotes", "makeOrder"): order_of_quote,
    ("salesQuotes", "makeInvoice"): invoice_of_quote,
    ("salesQuotes", "send"): send_quote,
    ("purchaseOrders", "receiveAndInvoice"): receive_and_invoice,
    ("journals", "post"): post_journal,
}

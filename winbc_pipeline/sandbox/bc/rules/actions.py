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
from .posting import common_fields, post_credit_memo, post_invoice, post_journal, ship_and_invoice
from .sales import KINDS, lines_of, recalculate, set_due_date

QUOTES = KINDS["salesQuotes"]
Action = Callable[[Company, Record], None]


def run(company: Company, entity: str, action: str, record: Record) -> None:
    """Runs `Microsoft.NAV.{action}` on a record, in one transaction. Raises Refused."""
    handler = ACTIONS.get((entity, action))
    if handler is None:
        raise unknown_segment(f"Microsoft.NAV.{action}")
    with company.transaction():
        company.log("POST", entity, record, {"action": f"Microsoft.NAV.{action}"})
        handler(company, record)


def send(company: Company, document: Record) -> None:
    """Refuses a document without an e-mail address. The sandbox sends no mail."""
    if not document["email"]:
        message = (
            "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
        )
        raise dialog_error(message)


def send_quote(company: Company, quote: Record) -> None:
    """Sends a quote, which gets the status Sent."""
    send(company, quote)
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
        new = company.add(kind.lines, reset_quantities_to_handle(company.empty(kind.lines) | moved))
        copy_set(company, line["id"], kind.lines, new["id"])
        drop_set(company, line["id"])
        company.drop(QUOTES.lines, line)
    recalculate(company, kind, made["id"])
    drop_set(company, quote["id"])
    company.drop(QUOTES.header, quote)


def _after_sending(action: Action) -> Action:
    def both(company: Company, document: Record) -> None:
        send(company, document)
        action(company, document)

    return both


# The entity set and the name of each action.
ACTIONS: dict[tuple[str, str], Action] = {
    ("salesOrders", "shipAndInvoice"): ship_and_invoice,
    ("salesInvoices", "post"): post_invoice,
    ("salesInvoices", "postAndSend"): _after_sending(post_invoice),
    ("salesInvoices", "send"): send,
    ("salesInvoices", "cancel"): cancel_invoice,
    ("salesInvoices", "cancelAndSend"): _after_sending(cancel_invoice),
    ("salesInvoices", "makeCorrectiveCreditMemo"): make_corrective_credit_memo,
    ("salesCreditMemos", "post"): post_credit_memo,
    ("salesCreditMemos", "postAndSend"): _after_sending(post_credit_memo),
    ("salesCreditMemos", "send"): send,
    ("salesCreditMemos", "cancel"): cancel_credit_memo,
    ("salesCreditMemos", "cancelAndSend"): _after_sending(cancel_credit_memo),
    ("salesQuotes", "makeOrder"): order_of_quote,
    ("salesQuotes", "makeInvoice"): invoice_of_quote,
    ("salesQuotes", "send"): send_quote,
    ("journals", "post"): post_journal,
}

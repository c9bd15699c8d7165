"""Bound actions of documents: which there are, and those that post nothing (behaviour.md sections 14 and 15)."""

from collections.abc import Callable

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog, unknown_segment
from .correcting import cancel_credit_memo, cancel_invoice, correct
from .lines import start_to_do
from .posting import copied, post_credit_memo, post_invoice, post_journal, ship_and_invoice
from .sales import KINDS, lines_of, recalculate, set_due_date

QUOTES = KINDS["salesQuotes"]
Action = Callable[[Company, Record], None]


def run(company: Company, entity: str, action: str, record: Record) -> None:
    """Runs `Microsoft.NAV.{action}` on a record; raises Refused. All of it counts, or nothing."""
    handler = ACTIONS.get((entity, action))
    if handler is None:
        raise unknown_segment(f"Microsoft.NAV.{action}")
    with company.transaction():
        company.log("POST", entity, record, {"action": f"Microsoft.NAV.{action}"})
        handler(company, record)


def send(company: Company, document: Record) -> None:
    if not document["email"]:
        message = (
            "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
        )
        raise dialog(message)


def send_quote(company: Company, quote: Record) -> None:
    send(company, quote)
    company.change(QUOTES.header, quote | {"status": "Sent", "sentDate": company.now()})


def order_of_quote(company: Company, quote: Record) -> None:
    _becomes(company, quote, "salesOrders")


def invoice_of_quote(company: Company, quote: Record) -> None:
    _becomes(company, quote, "salesInvoices")


def _becomes(company: Company, quote: Record, header: str) -> None:
    kind = KINDS[header]
    record = copied(company, quote, header) | {"number": company.next_number(header), "status": "Draft"}
    record |= {kind.date: company.today(), "postingDate": company.today()}
    set_due_date(company, kind, record, {})
    made = company.add(header, record)
    for line in lines_of(company, QUOTES, quote["id"]):
        moved = copied(company, line, kind.lines) | {"documentId": made["id"]}
        company.add(kind.lines, start_to_do(company.empty(kind.lines) | moved))
        company.drop(QUOTES.lines, line)
    recalculate(company, kind, made["id"])
    company.drop(QUOTES.header, quote)


def _sent_first(action: Action) -> Action:
    def both(company: Company, document: Record) -> None:
        send(company, document)
        action(company, document)

    return both


ACTIONS: dict[tuple[str, str], Action] = {
    ("salesOrders", "shipAndInvoice"): ship_and_invoice,
    ("salesInvoices", "post"): post_invoice,
    ("salesInvoices", "postAndSend"): _sent_first(post_invoice),
    ("salesInvoices", "send"): send,
    ("salesInvoices", "cancel"): cancel_invoice,
    ("salesInvoices", "cancelAndSend"): _sent_first(cancel_invoice),
    ("salesInvoices", "makeCorrectiveCreditMemo"): correct,
    ("salesCreditMemos", "post"): post_credit_memo,
    ("salesCreditMemos", "postAndSend"): _sent_first(post_credit_memo),
    ("salesCreditMemos", "send"): send,
    ("salesCreditMemos", "cancel"): cancel_credit_memo,
    ("salesCreditMemos", "cancelAndSend"): _sent_first(cancel_credit_memo),
    ("salesQuotes", "makeOrder"): order_of_quote,
    ("salesQuotes", "makeInvoice"): invoice_of_quote,
    ("salesQuotes", "send"): send_quote,
    ("journals", "post"): post_journal,
}

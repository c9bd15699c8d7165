"""Step 4: what only the business can decide, answered by choices that both systems have now.

Accounts, tax codes and debtors are never guessed: a question without an answer leaves its row or setting empty, and the
records that need it wait.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from ..errors import WinbcError
from ..flows import FLOWS
from ..flows.orders import ORDERS_TO_BC
from ..flows.products import PRODUCTS
from ..mapping.shipped import copy_to_edit
from ..settings import Settings
from . import live
from .directions import runs
from .lookups import present_rows, put_rows
from .questions import Choice, Question
from .sitting import Sitting

Found = TypeVar("Found")
DOCUMENTS = (
    Choice("order", "a sales order, which your people ship and invoice"),
    Choice("invoice", "a sales invoice, as a draft"),
    Choice("invoice_when_completed", "a sales invoice, once the order is completed in Winstore"),
)
VARIANTS = (
    Choice("items", "an item for each SKU; prices, GTINs and stock per colour and size arrive"),
    Choice(
        "item_variants", "one item for each article, with variants; API v2.0 has no price, GTIN or stock of a variant"
    ),
)
LOSSES = ("gtin", "price", "cost", "stock", "blocked")
OWNERS = (
    Choice("winstore", "Winstore; its figures are written to Business Central"),
    Choice("bc", "Business Central; its figures are written to one warehouse of Winstore"),
)
NO_CODE = "no answer: such records wait until the table has the row"


def ask_choices(sitting: Sitting) -> None:
    """Asks what documents, customers, VAT, shipping, variants and stock become."""
    settings = sitting.settings
    copy_to_edit(settings)
    if runs(ORDERS_TO_BC, settings):
        _ask_orders(sitting)
    if runs(ORDERS_TO_BC, settings) or runs(PRODUCTS, settings):
        _ask_vat(sitting)
    if runs(ORDERS_TO_BC, settings):
        _ask_shipping(sitting)
    if runs(PRODUCTS, settings):
        _ask_variants(sitting)
    if any(flow.emptied and settings.timing(flow.id).sensors for flow in FLOWS):
        _ask_stock(sitting)


def _ask_orders(sitting: Sitting) -> None:
    orders = sitting.settings.orders
    sitting.ask(Question("orders.document", "What does an order become?", orders.document, DOCUMENTS))

    def no_debtor(answer: str) -> str:
        try:
            is_there = live.has_customer(sitting.settings, answer)
        except WinbcError as error:
            return str(error)
        return "" if is_there else f"Business Central has no customer {answer}"

    sitting.ask(
        Question(
            "orders.default_customer",
            "Who is the debtor of orders without a usable customer? Some companies, or any other number",
            orders.default_customer or None,
            _listed(sitting, "customers", live.debtors),
            free=True,
            optional=True,
            wrong=no_debtor,
        )
    )
    sitting.ask(
        Question(
            "orders.rounding_account",
            "Which account takes the cents by which shop and Business Central round differently?",
            orders.rounding_account or None,
            _accounts(sitting),
            optional=True,
        )
    )


def _accounts(sitting: Sitting) -> Sequence[Choice]:
    return _listed(sitting, "accounts", live.accounts)


def _ask_vat(sitting: Sitting) -> None:
    """Asks for the tax code of each rate. Each code gets its rate back, for what goes to Winstore."""
    codes = _listed(sitting, "tax codes", live.tax_codes)
    tables = sitting.settings.tables
    present, known = present_rows(tables, "tax_groups"), {each.value for each in codes}
    answers: dict[str, str] = {}
    for rate in _listed(sitting, "VAT rates", live.rates):
        code = present.get(rate, "")
        text = f"Winstore has VAT of {rate} %. Which tax code is it in Business Central? ({NO_CODE})"
        default = code if code in known else None
        answers[rate] = sitting.desk.ask(Question(f"init.vat.{rate}", text, default, codes, optional=True))
    given = {rate: code for rate, code in answers.items() if code}
    put_rows(tables, "tax_groups", given)
    put_rows(tables, "vat_rates", {code: rate for rate, code in given.items()})


def _ask_shipping(sitting: Sitting) -> None:
    """Asks for the account and the VAT of the shipping cost, by method."""
    tables = sitting.settings.tables
    methods = _listed(sitting, "shipping methods", live.shipping_methods)
    accounts = _accounts(sitting) if methods else []
    numbers: dict[str, str] = {}
    rates: dict[str, str] = {}
    for method in methods:
        number = _account_of(sitting, method, accounts)
        if number:
            numbers[method] = number
            rates[method] = _vat_of(sitting, method)
    put_rows(tables, "shipping_accounts", numbers)
    put_rows(tables, "shipping_types", dict.fromkeys(numbers, "Account"))
    put_rows(tables, "shipping_vat", {method: rate for method, rate in rates.items() if rate})


def _account_of(sitting: Sitting, method: str, accounts: Sequence[Choice]) -> str:
    present = present_rows(sitting.settings.tables, "shipping_accounts").get(method, "")
    default = present if present in {each.value for each in accounts} else None
    text = f"Which account takes the cost of shipping by {method}? ({NO_CODE})"
    return sitting.desk.ask(Question(f"init.shipping.{method}", text, default, accounts, optional=True))


def _vat_of(sitting: Sitting, method: str) -> str:
    present = present_rows(sitting.settings.tables, "shipping_vat").get(method)
    text = "How much VAT is in that cost in Winstore, in per cent? 0: it stands in the total without VAT of its own"
    return sitting.desk.ask(Question(f"init.shipping_vat.{method}", text, present, optional=True, wrong=_no_rate))


def _no_rate(answer: str) -> str:
    try:
        return "" if 0 <= Decimal(answer) < 100 else "from 0 to 99"
    except InvalidOperation:
        return "a number such as 21"


def _ask_variants(sitting: Sitting) -> None:
    products = sitting.settings.products
    text = "What do articles with colours or sizes become?"
    if sitting.ask(Question("products.variants", text, products.variants, VARIANTS)) == "items":
        return
    text = f"What may be lost with variants? Any of {', '.join(LOSSES)}, separated by commas"
    present = ",".join(products.accept_losses) or None
    question = Question("products.accept_losses", text, present, optional=True, wrong=_no_loss)
    sitting.ask(question, lambda answer: [name.strip() for name in answer.split(",")])


def _no_loss(answer: str) -> str:
    others = [name for name in answer.split(",") if name.strip() not in LOSSES]
    return f"{', '.join(others)} is none of {', '.join(LOSSES)}" if others else ""


def _ask_stock(sitting: Sitting) -> None:
    stock = sitting.settings.stock
    if sitting.ask(Question("stock.owner", "Who owns stock?", stock.owner, OWNERS)) == "winstore":
        return
    names = _listed(sitting, "warehouses", live.warehouses)
    text = "Which warehouse of Winstore shows the stock of Business Central?"
    choices = [Choice(name) for name in names]
    sitting.ask(Question("stock.warehouse", text, stock.warehouse or None, choices, free=not choices))


def _listed(sitting: Sitting, what: str, look: Callable[[Settings], list[Found]]) -> list[Found]:
    """What a look into a system lists; nothing when it does not answer, which is told."""
    try:
        return look(sitting.settings)
    except WinbcError as error:
        sitting.note(f"Choices of {what}", error)
        return []

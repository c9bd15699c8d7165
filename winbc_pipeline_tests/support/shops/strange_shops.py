"""An odd shop between both sandboxes in this process, and what must be true of it after its flows ran.

Each check gives its findings in words, one for each record, so that a failing seed tells all that is wrong with it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from pathlib import Path
from typing import Any

from winbc_pipeline.flows import FLOWS
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.flows.stock import STOCK_TO_BC
from winbc_pipeline.sandbox.strange.shop import StrangeShop, make
from winbc_pipeline.settings import OrderSettings, ProductSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import State
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.outcomes import REASONS
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.stock.sweep import sweep
from winbc_pipeline.sync.work import Work

from ..in_process import in_process
from ..order_flow import OrderFlow, settings_of_order_flow
from ..order_invariants import DOCUMENTS, assert_invariants, reference_of
from ..order_sandboxes import BC, WINSTORE, WITH_APP, Record

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
CHANGES_KIND = "company that becomes a person"
TO_BC = [flow for flow in FLOWS if flow.target == "bc"]
MAIN = {flow.name: flow for flow in TO_BC}
ENTITIES = {
    "customers": ("customers", "customerid"),
    "products": ("articles", "sku"),
    "orders": ("orders", "ordernr"),
    "order_status": ("orders", "ordernr"),
}
CENT, HALF_A_CENT = Decimal("0.01"), Decimal("0.005")
FIVE_PLACES = Decimal("0.00001")  # of prices and quantities in Business Central
TO_DO = re.compile(
    r"\b(add|change|choose|clear|compare|complete|correct|create|cut|delete|fix|give|ignore|look in|make|map|mend|merge"
    r"|nothing is|raise|retry|send|set|shorten|split|use|next run|sent when|is not sent|are not sent|see|unblock)\b|`",
    re.IGNORECASE,
)


class Trial(OrderFlow):
    """A shop, and the flows to Business Central."""

    shop: StrangeShop
    books: Record  # what the three said after the last run
    winstore: Record
    ledgers: dict[str, list[Record]]

    def load(self, folder: Path) -> None:
        self._control(WINSTORE, "seed", {"folder": str(folder)})

    def run(self) -> None:
        """All flows, as a shop's first day has them."""
        self.settings.flow_database(ORDERS_TO_BC.id).parent.mkdir(parents=True, exist_ok=True)
        for flow in TO_BC:
            self.runs += 1
            sync(Work(ConnectedFlow(flow, self.settings), FIRST, LAST, f"run-{self.runs}"))
            self.settings.flow_database(ORDERS_TO_BC.id).touch()  # it is in memory
        sweep(ConnectedFlow(STOCK_TO_BC, self.settings), f"sweep-{self.runs}")  # what was shipped moves stock too
        self.books, self.winstore = self.state(BC), self.state(WINSTORE)
        self.ledgers = {name: ledger.read(ConnectedFlow(flow, self.settings).store) for name, flow in MAIN.items()}
        assert_invariants(self.settings, self.books, self.winstore, without={"I7"})  # totals: documents_off()

    def writes(self) -> int:
        return len(self.books["writes"])

    def records(self, entity_set: str) -> list[Record]:
        return self.books["records"].get(entity_set, [])  # type: ignore[no-any-return]

    def rows(self, name: str) -> list[Record]:
        """The ledger of a flow."""
        return self.ledgers[name]

    def outcomes(self, name: str) -> dict[str, Record]:
        """The ledger of a flow's records by key."""
        return {row["key"]: row for row in self.rows(name) if row["part"] == MAIN[name].main}

    def source(self, name: str) -> dict[str, Record]:
        """Winstore's records of a flow by key; of articles, the variants."""
        entity, key = ENTITIES[name]
        records = self.winstore["records"].get(entity, [])
        if name == "products":
            records = [article | variant for article in records for variant in article["variants"]]
        return {record[key]: record for record in records}

    def expected(self, name: str) -> dict[str, Record]:
        known: dict[str, Record] = self.shop.expected[ENTITIES[name][0]]
        return known | self.shop.expected["later"] if ENTITIES[name][0] == "orders" else known


def findings(trial: Trial) -> list[str]:
    """All that is not as it must be."""
    checks = (not_settled, unread, not_arrived, documents_off, customers_off, items_off, orders_off, stock_off)
    return [f"{check.__name__}: {what}" for check in checks for what in check(trial)]


def stock_off(trial: Trial) -> Iterator[str]:
    """Each item that takes stock has what is free of its SKU in all warehouses, unless its SKU is skipped or failed."""
    items = {each["number"]: each for each in trial.records("items")}
    rows = trial.winstore["records"].get("stock", [])
    for key, outcome in trial.outcomes("stock").items():
        free = sum(Decimal(row["quantity"]) - Decimal(row["reserved"]) for row in rows if row["sku"] == key)
        item = items.get(outcome["target_no"] or key.strip().upper())
        if outcome["state"] == "CONFIRMED" and (item is None or Decimal(item["inventory"]) != free):
            yield f"stock of {key} is {item and item['inventory']}, not {free}"
        if outcome["reason"] == "MISSING_ARTICLE" and item is not None:
            yield f"stock of {key} was not sent to its item"


def not_settled(trial: Trial) -> Iterator[str]:
    """Every record of the shop has an outcome; none is left on its way."""
    for name in ENTITIES:
        outcomes = trial.outcomes(name)
        known = {key.strip() for key in outcomes}
        yield from (f"{name} {key} has no outcome" for key in trial.source(name) if key and key.strip() not in known)
        for row in trial.rows(name):
            if row["state"] in (State.PLANNED, State.SENDING, State.UNKNOWN):
                yield f"{name} {row['key']} is {row['state']} ({row['reason']}): {row['message']}"


def unread(trial: Trial) -> Iterator[str]:
    """Whatever is open has a reason and a message that says what happened and what to do, without people's data."""
    private = [*_personal(trial)]
    for name in MAIN:
        for row in trial.rows(name):
            if row["state"] in (State.CONFIRMED, State.SKIPPED) and not row["message"]:
                continue
            if fault := _fault_of_message(row, private):
                yield f"{name} {row['key']} {row['state']} {row['reason']}: {fault}: {row['message']!r}"


def _fault_of_message(row: Record, private: list[str]) -> str:
    message = row["message"] or ""
    if row["reason"] not in REASONS and not (row["reason"] is None and row["state"] == State.CONFIRMED):
        return "no reason"
    if row["state"] not in (State.CONFIRMED, State.SKIPPED):
        if len(message.split()) < 4:
            return "no words"
        if not TO_DO.search(f"{message} {REASONS[row['reason']]}"):
            return "nothing says what to do"
    return next((f"tells {value!r}" for value in private if value in message), "")


def _personal(trial: Trial) -> Iterator[str]:
    """What messages must not tell: e-mails, names, streets and telephone numbers of people."""
    for customer in trial.source("customers").values():
        yield from (customer[name] for name in ("email", "lname", "street", "phone") if len(customer[name]) > 4)
    for order in trial.source("orders").values():
        yield from (order["delivery_add"][name] for name in ("name", "street") if len(order["delivery_add"][name]) > 4)


def not_arrived(trial: Trial) -> Iterator[str]:
    """A record without a defect is in Business Central. A status may ask for nothing; a new kind is for a person."""
    for name in ENTITIES:
        done = {State.CONFIRMED, State.SKIPPED} if name == "order_status" else {State.CONFIRMED}
        outcomes = trial.outcomes(name)
        for key, known in trial.expected(name).items():
            row = outcomes.get(key)
            changes_kind = CHANGES_KIND in known["oddities"] and row and row["reason"] == "BOTH_CHANGED"
            if row and not known["defects"] and row["state"] not in done and not changes_kind:
                odd = ", ".join(known["oddities"]) or "nothing odd"
                yield f"{name} {key} ({odd}) is {row['state']} {row['reason']}: {row['message']}"


def documents_off(trial: Trial) -> Iterator[str]:
    """A document comes to what the customer paid, give or take what rounding may come to."""
    for key, order in trial.source("orders").items():
        lines = len(order["positions"]) + bool(_exact(order["shippingcost"]))
        tolerance = (HALF_A_CENT * lines).quantize(CENT, ROUND_UP)
        for document in _documents(trial, key):
            off = Decimal(str(document["totalAmountIncludingTax"])) - Decimal(order["total"])
            if abs(off) > tolerance:
                yield f"orders {key} as {document['number']} comes to {off} more than {order['total']}"


def _documents(trial: Trial, number: str) -> list[Record]:
    """The open and the posted documents of an order that is confirmed."""
    row = trial.outcomes("orders").get(number, {})
    if row.get("state") != State.CONFIRMED or not row["target_no"]:
        return []
    return [
        document | {"lines": [line for line in trial.records(lines) if line["documentId"] == document["id"]]}
        for place, lines in DOCUMENTS.items()
        for document in trial.records(place)
        if document["externalDocumentNumber"] == reference_of(number)
    ]


def customers_off(trial: Trial) -> Iterator[str]:
    """A confirmed customer has the shop's values."""
    by_number = {record["number"]: record for record in trial.records("customers")}
    source = trial.source("customers")
    for key, row in trial.outcomes("customers").items():
        if row["state"] != State.CONFIRMED:
            continue
        customer, record = source[key], by_number[row["target_no"]]
        wanted = {
            "displayName": customer["company"] or f"{customer['fname'].strip()} {customer['lname']}",
            "type": "Company" if customer["company"] else "Person",
            **_address(customer),
            "email": customer["email"].strip().lower(),
        }
        yield from (f"customers {key}: {what}" for what in _differences(wanted, record))


def _address(customer: Record) -> Record:
    """The address that a customer has in Business Central (docs/customers.md, Addresses)."""
    of_invoices = [each for each in customer["addresses"] if each["type"] == "invoice"]
    chosen = min(of_invoices, key=lambda each: each["default"] != "true", default=customer)
    return {
        "addressLine1": f"{chosen['street']} {chosen['streetnr']}".strip(),
        "postalCode": chosen["zip"],
        "city": chosen["city"],
        "country": chosen["countryISO"].upper(),
    }


def items_off(trial: Trial) -> Iterator[str]:
    """A confirmed article has the shop's values."""
    by_number = {record["number"]: record for record in trial.records("items")}
    source = trial.source("products")
    for key, row in trial.outcomes("products").items():
        if row["state"] != State.CONFIRMED:
            continue
        article, record = source[key], by_number[row["target_no"]]
        wanted = {
            "displayName": article["title"] or _with_options(article),
            "gtin": article["gtin"],
            "unitPrice": _exact(article["price"]),
            "taxGroupCode": f"VAT{Decimal(article['vatrate']):.0f}",
        }
        yield from (f"products {key}: {what}" for what in _differences(wanted, record))


def _with_options(article: Record) -> str:
    """The name of a SKU that has no title: its article's, with colour and size."""
    return " ".join(filter(None, (article["name"].strip(), article["color"], article["size"])))


def orders_off(trial: Trial) -> Iterator[str]:
    """The document of a confirmed order has the shop's values, and its lines one by one."""
    for key, row in trial.outcomes("orders").items():
        if row["state"] != State.CONFIRMED or not row["target_no"]:
            continue
        order, documents = trial.source("orders")[key], _documents(trial, key)
        if len({document.get("orderNumber") or document["number"] for document in documents}) != 1:
            yield f"orders {key}: {len(documents)} documents"
        for document in documents:
            yield from (f"orders {key}: {what}" for what in _differences(_header(order), document))
            yield from (f"orders {key}: {what}" for what in _lines_off(trial, order, document))


def _header(order: Record) -> Record:
    address = order["delivery_add"]
    return {
        "currencyCode": order["currency"] or "EUR",
        "shipToCity": address["city"],
        "shipToCountry": address["countryISO"].upper(),
        "email": order["email"].strip().lower(),
    } | ({"shipToName": address["name"]} if address["name"] else {})


def _lines_off(trial: Trial, order: Record, document: Record) -> Iterator[str]:
    articles, outcomes = trial.source("products"), trial.outcomes("products")
    skus = {article["gtin"]: sku for sku, article in articles.items() if article["gtin"]} | {
        sku: sku for sku in articles
    }
    wanted = []
    for line in order["positions"]:
        sku = skus.get(line["product_id"], line["product_id"])
        if outcomes.get(sku, {}).get("state") != State.CONFIRMED:
            yield f"sells article {sku}, which is not there, as another one"
        wanted.append((sku.strip().casefold(), *_figures(line, "amount", "single_price", "reduction")))
    there = [
        (line["lineObjectNumber"].casefold(), *_figures(line, "quantity", "unitPrice", "discountPercent"))
        for line in document["lines"]
        if line["lineType"] == "Item"
    ]
    if sorted(there) != sorted(wanted):
        yield f"lines {sorted(set(there) - set(wanted))[:2]}, not {sorted(set(wanted) - set(there))[:2]}"


def _figures(line: Record, *names: str) -> tuple[Decimal, ...]:
    return tuple(_exact(line[name]).normalize() for name in names)


def _exact(value: Any) -> Decimal:
    return Decimal(str(value or 0)).quantize(FIVE_PLACES, ROUND_HALF_UP)


def _differences(wanted: Record, record: Record) -> Iterator[str]:
    """The fields that are not as wanted. A text may be cut where Business Central has no more room."""
    for name, value in wanted.items():
        if value in ("", None):
            continue  # not known in Winstore: Business Central's own
        there: Any = record[name]
        if isinstance(value, Decimal):
            same = Decimal(str(there)) == value
        else:
            same = there == value.strip() or (len(there) >= 30 and value.startswith(there))
        if not same:
            yield f"{name} is {there!r}, not {value!r}"


@contextmanager
def trial_of(
    seed: int, folder: Path, products: ProductSettings | None = None, with_app: bool = False
) -> Iterator[Trial]:
    """The shop of a seed in Winstore, until the block ends. Every second one has an account for the cents."""
    settings = settings_of_order_flow(folder).model_copy(update={"products": products or ProductSettings()})
    if seed % 2:
        settings = settings.model_copy(update={"orders": OrderSettings(rounding_account="8100")})
    trial = Trial(settings, WITH_APP if with_app else None)
    trial.shop = make(seed)
    trial.shop.write(folder / "shop")
    try:
        with in_process(trial.wire, trial.moment, trial.pass_time):
            trial.load(folder / "shop")
            yield trial
    finally:
        trial.close()

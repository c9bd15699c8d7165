"""The invariants of orders (exactly_once.md section 4), asserted over both sandboxes and the ledger.

`assert_invariants(settings, bc, winstore)` after every test that sends documents; `bc` and `winstore` are what
`GET /__state` of the two sandboxes answers. A document that a test types as a person does carries a request id that
begins with BY_HAND. I6 has a function of its own: `assert_nothing_written`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

from winbc_pipeline.flows.orders import KEY, ORDERS_TO_BC
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger_tables import LEGAL, State
from winbc_pipeline.staging.load import create as create_staging
from winbc_pipeline.staging.store import create_table, quote, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents.decide import TRIES_BY_KEY

Record = dict[str, Any]
BY_HAND = "by-hand"
REQUESTS = "connector.winstore.orderRequests"
DOCUMENTS = {"salesOrders": "salesOrderLines", "salesInvoices": "salesInvoiceLines"}
MILLISECOND = timedelta(milliseconds=1)  # the sandboxes' clocks show no less
BLOCKED = "is blocked with type"  # Business Central's words of a customer who is blocked, and not for privacy
RESENDS = 2  # a document is sent three times at the most


@dataclass
class Evidence:
    """What both systems and the ledger say."""

    settings: Settings
    bc: dict[str, list[Record]]
    writes: list[Record]
    orders: dict[str, Record]
    order_flow: Record
    ledger: dict[str, Record]
    events: list[Record]
    sent: dict[str, Record]
    staged: dict[str, Record]
    watermark: datetime | None

    @property
    def posts(self) -> Iterable[Record]:
        made = (write for write in self.writes if write["method"] == "POST" and write["entity"] in DOCUMENTS)
        return (write for write in made if "externalDocumentNumber" in write["body"])  # the others are actions

    @property
    def by_request(self) -> set[str]:
        """The attempts that went as order requests of the companion app."""
        return {write["request_id"] for write in self.writes if write["entity"] == REQUESTS}

    def documents(self, reference: str) -> dict[str, list[Record]]:
        """Representations of the documents with a reference: an order, its shipments and its invoices are one."""
        found: dict[str, list[Record]] = defaultdict(list)
        for place in ("salesOrders", "salesInvoices", "salesShipments"):
            for record in self.bc.get(place, []):
                if record["externalDocumentNumber"] == reference and record.get("status") != "Corrective":
                    origin = record["number"] if place == "salesOrders" else record.get("orderNumber")
                    found[origin or f"invoice {record['number']}"].append(record | {"place": place})
        return found


def assert_invariants(
    settings: Settings,
    bc: Record,
    winstore: Record,
    *,
    run_ended: bool = True,
    settled: bool = False,
    without: Collection[str] = (),
) -> None:
    """Asserts I1 to I5 and I7 to I12 of the flow `orders_winstore_to_bc`.

    Args:
        run_ended: the last run came to its end (it was not killed, and no system stopped it).
        settled: faults have stopped, the quarantine has passed, and runs followed: nothing may be left open (I2).
        without: names of invariants that a test breaks on purpose, such as I4 after it deleted the ledger.
    """
    evidence = gather(settings, bc, winstore)
    checks = {"I1": _no_duplicates, "I3": _no_phantom, "I4": _intent_first, "I5": _one_row_each, "I7": _content}
    checks |= {"I8": _monotone_cursor, "I9": _no_echo, "I10": _legal_moves, "I11": _bounded, "I12": _effects_in_order}
    if settled:
        checks["I2"] = _no_loss
    if run_ended:
        checks |= {"I5 after a run": _conservation, "I10 after a run": _nothing_sending}
    for name, check in checks.items():
        if name.split()[0] not in without:
            check(evidence)


def assert_nothing_written(before: Record, after: Record) -> None:
    """I6: a rerun without changes sends no write; the two are states of one sandbox."""
    assert after["writes"][len(before["writes"]) :] == [], "I6: a rerun without changes wrote"


def gather(settings: Settings, bc: Record, winstore: Record) -> Evidence:
    staging = ConnectedFlow(ORDERS_TO_BC, settings).staging
    with ConnectedFlow(ORDERS_TO_BC, settings).store.open() as connection:
        ledger.create(connection)
        create_staging(connection, staging)
        create_table(connection, "sent_payload", ledger.SENT)
        rows = rows_of(connection, "FROM ledger")
        main = [row for row in rows if row["part"] == ORDERS_TO_BC.main]
        assert len({(row["part"], row["key"]) for row in rows}) == len(rows), "I5: a record has two ledger rows"
        events = rows_of(connection, "FROM ledger_event")
        sent = rows_of(connection, "FROM sent_payload")
        versions = rows_of(
            connection,
            f"SELECT {KEY} AS key, md5(string_agg(_version::VARCHAR, ' ' ORDER BY _key)) AS version, "
            f"max(_modified_at) AS modified FROM {quote(staging.name)} GROUP BY 1",
        )
        moment = connection.execute("SELECT max(moment) FROM watermark WHERE name = ?", [ORDERS_TO_BC.id]).fetchone()
    return Evidence(
        settings=settings,
        bc=bc["records"],
        writes=bc["writes"],
        orders={order["ordernr"]: order for order in winstore["records"].get("orders", [])},
        order_flow=winstore,
        ledger={row["key"]: row for row in main},
        events=events,
        sent={row["attempt_id"]: row for row in sent},
        staged={row["key"]: row for row in versions},
        watermark=moment[0] if moment else None,
    )


def reference_of(number: str) -> str:
    return f"WS-{number.strip().upper()}"


def _no_duplicates(evidence: Evidence) -> None:
    """At no moment was a document of ours added to one that was there, or that had been there when it was sent."""
    intents = _intents(evidence)
    live: dict[str, dict[str, Record]] = defaultdict(dict)
    for write in evidence.writes:
        if write["method"] == "DELETE" and write["entity"] in DOCUMENTS:
            for documents in live.values():
                documents.pop(write["key"], None)
        if write["method"] != "POST" or write["entity"] not in DOCUMENTS:
            continue
        if "externalDocumentNumber" not in write["body"]:  # an action on one
            continue
        reference = write["body"]["externalDocumentNumber"]
        intent = intents.get(write["request_id"])
        for other in live[reference].values():
            if _by_hand(write) or (_by_hand(other) and intent and _moment(other["at"]) >= intent["moved_at"]):
                continue
            raise AssertionError(f"I1: {reference} was sent though {other['key']} was there; now also {write['key']}")
        live[reference][write["key"]] = write
    typed = {write["key"] for write in evidence.posts if _by_hand(write)}
    for number in evidence.orders:
        ours = set(evidence.documents(reference_of(number))) - typed
        assert len(ours) <= 1, f"I1: order {number} has the documents {', '.join(sorted(ours))}"


def _no_loss(evidence: Evidence) -> None:
    ends = set(State) - {State.PLANNED, State.SENDING, State.UNKNOWN}
    for number in evidence.orders:
        row = evidence.ledger.get(number)
        assert row, f"I2: order {number} has no ledger row"
        assert row["state"] in ends, f"I2: order {number} is still {row['state']} ({row['reason']})"
        assert row["state"] == State.CONFIRMED or row["reason"], f"I2: order {number} is {row['state']} for no reason"


def _no_phantom(evidence: Evidence) -> None:
    made = {(write["key"], write["body"].get("externalDocumentNumber")) for write in evidence.posts}
    for place in (*DOCUMENTS, "salesShipments"):
        made |= {(record["number"], record["externalDocumentNumber"]) for record in evidence.bc.get(place, [])}
    for number, row in evidence.ledger.items():
        if row["state"] == State.CONFIRMED and row["target_no"]:
            there = (row["target_no"], row["reference"])
            assert there in made, f"I3: order {number} is CONFIRMED as {row['target_no']}, which never existed"


def _intent_first(evidence: Evidence) -> None:
    intents = _intents(evidence)
    for write in evidence.posts:
        if _by_hand(write):
            continue
        intent = intents.get(write["request_id"])
        assert intent, f"I4: {write['key']} was made by a call without an intent"
        assert intent["moved_at"] <= _moment(write["at"]) + MILLISECOND, f"I4: {write['key']} came before its intent"
        # What a request made has what it needs under other names; I7 looks at what came of it.
        if (sent := evidence.sent.get(write["request_id"])) and write["request_id"] not in evidence.by_request:
            assert _plain(write["body"]) == _plain(json.loads(sent["body"])), f"I4: body of {write['key']}"


def _one_row_each(evidence: Evidence) -> None:
    unknown = {row["key"] for row in evidence.events} - set(evidence.ledger) - {"customer"}
    main = {event["key"] for event in evidence.events if event["part"] == ORDERS_TO_BC.main}
    assert not (main & unknown), f"I5: moved, and not in the ledger: {sorted(main & unknown)}"


def _conservation(evidence: Evidence) -> None:
    missing = sorted(set(evidence.staged) - set(evidence.ledger))
    assert not missing, f"I5: read, and without an outcome: {missing}"


def _content(evidence: Evidence) -> None:
    """A document that is confirmed for the present version of its order has its lines and comes to its amounts."""
    ours = {write["request_id"]: write["key"] for write in evidence.posts if not _by_hand(write)}
    made = set(ours.values())
    for number, row in evidence.ledger.items():
        order, staged = evidence.orders.get(number), evidence.staged.get(number)
        if not order or not staged or row["state"] != State.CONFIRMED or row["version"] != staged["version"]:
            continue
        if _moment(order["modified"]) != staged["modified"] or row["reason"] == "CANCELLED":
            continue
        for origin, records in evidence.documents(row["reference"]).items():
            if origin in made and records[0]["place"] in DOCUMENTS:
                _assert_content(evidence, order, records[0])


def _assert_content(evidence: Evidence, order: Record, document: Record) -> None:
    wanted = _wanted_lines(evidence, order)
    articles = {number for number, *_ in wanted if number}
    codes = {each["id"]: f"/{each['code']}" for each in evidence.bc.get("itemVariants", [])}
    lines = [line for line in evidence.bc.get(DOCUMENTS[document["place"]], []) if line["documentId"] == document["id"]]
    named = [f"{line['lineObjectNumber']}{codes.get(line['itemVariantId'], '')}" for line in lines]
    there = [(name if name in articles else "", *_figures(line)) for name, line in zip(named, lines, strict=True)]
    net, gross = _amounts(order, document["pricesIncludeTax"])
    if rounding := _rounding(evidence.settings, order, gross):
        net, gross = net + rounding, gross + rounding
        wanted.append(("", Decimal(1), _exact(rounding), Decimal(0), Decimal(0)))
    name = f"{order['ordernr']} as {document['number']}"
    assert sorted(there) == sorted(wanted), f"I7: lines of {name}: {there}, not {wanted}"
    assert _exact(document["totalAmountExcludingTax"]) == net, f"I7: total without VAT of {name}"
    assert _exact(document["totalAmountIncludingTax"]) == gross, f"I7: total with VAT of {name}"
    debtors = _debtors(evidence, order)
    assert document["customerNumber"] in debtors, f"I7: {name} is for {document['customerNumber']}, not {debtors}"
    city, there = order["delivery_add"].get("city"), document["shipToCity"]
    assert there.casefold() == (city or there).casefold(), f"I7: {name} goes to {there}, not {city}"


def _debtors(evidence: Evidence, order: Record) -> list[str]:
    """Who may be the debtor of an order: the customer with its number, else those with its e-mail, or a default one."""
    chosen = evidence.settings.orders
    customers = evidence.bc.get("customers", [])
    own = [each["number"] for each in customers if each["number"] == f"WS{order['customerid']}"]
    alike = [each["number"] for each in customers if each["email"].lower() == order["email"].strip().lower() != ""]
    return [*(own or alike), chosen.default_customer, *chosen.default_customers_by_country.values()]


def _wanted_lines(evidence: Evidence, order: Record) -> list[tuple[Any, ...]]:
    """Item (an article is given by SKU or GTIN, anything else goes to an account), quantity, price and discount.

    A SKU that is a variant of its article's item is named as `ITEM/CODE`.
    """
    numbers = {item["gtin"]: item["number"] for item in evidence.bc.get("items", []) if item.get("gtin")}
    numbers |= {item["number"]: item["number"] for item in evidence.bc.get("items", [])}
    variants = {(each["itemNumber"], each["code"]) for each in evidence.bc.get("itemVariants", [])}
    for article in evidence.order_flow["records"].get("articles", []):
        for sku in article["variants"]:
            place = (article["artkey"], sku["sku"][-10:].upper())
            if place in variants:
                numbers |= dict.fromkeys(filter(None, (sku["gtin"], sku["sku"])), "/".join(place))
    lines = [
        (
            numbers.get(each["product_id"]) if each.get("type", "S") == "S" else "",
            *(_exact(each.get(name) or 0) for name in ("amount", "single_price", "reduction", "vatrate")),
        )
        for each in order["positions"]
    ]
    if _exact(order.get("shippingcost") or 0):
        lines.append(("", Decimal(1), _exact(order["shippingcost"]), Decimal(0), Decimal(0)))
    return lines


def _figures(line: Record) -> tuple[Decimal, ...]:
    return tuple(_exact(line[name]) for name in ("quantity", "unitPrice", "discountPercent", "taxPercent"))


def _amounts(order: Record, with_tax: bool) -> tuple[Decimal, Decimal]:
    """Without and with VAT: each line in cents, VAT once per rate; `with_tax`: prices are with VAT."""
    bases: Counter[Decimal] = Counter()
    bases[Decimal(0)] += _cents(_exact(order.get("shippingcost") or 0))
    for each in order["positions"]:
        amount = _cents(_exact(each["amount"]) * _exact(each["single_price"]))
        bases[_exact(each["vatrate"])] += amount - _cents(amount * _exact(each.get("reduction") or 0) / 100)
    total = sum(bases.values(), Decimal(0))
    if with_tax:
        return sum((_cents(base * 100 / (100 + rate)) for rate, base in bases.items()), Decimal(0)), total
    return total, total + sum((_cents(base * rate / 100) for rate, base in bases.items()), Decimal(0))


def _rounding(settings: Settings, order: Record, gross: Decimal) -> Decimal:
    """What a line of its own makes up for, where the settings name an account."""
    difference = _cents(_exact(order["total"] or gross)) - gross if settings.orders.rounding_account else Decimal(0)
    lines = len(order["positions"]) + bool(_exact(order.get("shippingcost") or 0))
    half_cents = (Decimal(lines) / 200).quantize(Decimal("0.01"), ROUND_UP)
    return difference if abs(difference) <= min(half_cents, settings.orders.total_tolerance) else Decimal(0)


def _monotone_cursor(evidence: Evidence) -> None:
    """What the cursor passed has an outcome, and of the version that was read."""
    for number, staged in evidence.staged.items():
        passed = evidence.watermark and staged["modified"] < evidence.watermark
        known = evidence.ledger.get(number, {}).get("version")
        assert not passed or known == staged["version"], f"I8: the cursor passed order {number} without an outcome"


def _no_echo(evidence: Evidence) -> None:
    """Nothing that one system has from the other goes back as an order: neither by its number nor by its reference."""
    numbers = Counter(order["ordernr"] for order in evidence.order_flow["records"].get("orders", []))
    twice = [number for number, count in numbers.items() if count > 1 or number.startswith("WS-")]
    assert not twice, f"I9: came back to Winstore: {twice}"
    posted = {w["body"]["ordernr"] for w in evidence.order_flow["writes"] if w["entity"] == "PostOrderWithStatusCode"}
    made = {w["key"]: w["body"]["externalDocumentNumber"] for w in evidence.posts if not _by_hand(w)}
    assert not posted & set(made), f"I9: came back to Winstore: {sorted(posted & set(made))}"
    numbered = {record["number"] for place in DOCUMENTS for record in evidence.bc.get(place, [])}
    back = {reference_of(number) for number in posted & numbered} & set(made.values())
    assert not back, f"I9: came back to Business Central: {sorted(back)}"


def _legal_moves(evidence: Evidence) -> None:
    states: dict[tuple[str, str], str | None] = {}
    for event in evidence.events:
        name = (event["part"], event["key"])
        before = states.get(name)
        assert event["from_state"] == before, f"I10: {name} moves from {event['from_state']}, and was {before}"
        known = State(before) if before else None
        assert State(event["state"]) in LEGAL[known], f"I10: {name} moves from {before} to {event['state']}"
        states[name] = event["state"]
    for number, row in evidence.ledger.items():
        assert states[ORDERS_TO_BC.main, number] == row["state"], f"I10: order {number} moved without an event"


def _nothing_sending(evidence: Evidence) -> None:
    left = [number for number, row in evidence.ledger.items() if row["state"] == State.SENDING]
    assert not left, f"I10: still SENDING after a run: {left}"


def _bounded(evidence: Evidence) -> None:
    """Of a record; calls to a system: run_invariants.py."""
    sendings = [event for event in evidence.events if event["state"] == State.SENDING]
    per_run = Counter((event["part"], event["key"], event["run_id"]) for event in sendings)
    # Refused for its customer's posting group or block, a document goes once more: for the default customer.
    refused = [e for e in evidence.events if e["reason"] == "CUSTOMER_GROUP" or BLOCKED in (e["message"] or "")]
    again = {(e["part"], e["key"], e["run_id"]) for e in refused}
    per_run -= Counter(again)
    assert max(per_run.values(), default=0) <= 1, "I11: a record was sent again within a run"
    lost = Counter(event["key"] for event in sendings if event["from_state"] == State.UNKNOWN)
    for key, count in lost.items():
        row = evidence.ledger.get(key, {})
        is_by_key = REQUESTS in evidence.bc or row.get("target_set") == "orderRequests"
        most = TRIES_BY_KEY - 1 if is_by_key else RESENDS
        assert row.get("action") != "create" or count <= most, "I11: a lost document was sent again and again"


def _effects_in_order(evidence: Evidence) -> None:
    """A customer or item that was made for a document was made before it."""
    made: set[tuple[str, str]] = set()
    later = {(w["entity"], w["key"]) for w in evidence.writes if w["method"] == "POST"}
    for write in evidence.writes:
        if write["method"] != "POST":
            continue
        if write["entity"] in DOCUMENTS and not _by_hand(write):
            body = write["body"]
            needed = {("customers", body.get("customerNumber"))}
            lines = body.get(DOCUMENTS[write["entity"]], [])
            needed |= {("items", line["lineObjectNumber"]) for line in lines if line["lineType"] == "Item"}
            assert not (needed & later) - made, f"I12: {write['key']} came before {(needed & later) - made}"
        made.add((write["entity"], write["key"]))


def _intents(evidence: Evidence) -> dict[str, Record]:
    """By attempt, its first."""
    return {event["attempt_id"]: event for event in reversed(evidence.events) if event["state"] == State.SENDING}


def _by_hand(write: Record) -> bool:
    return str(write["request_id"]).startswith(BY_HAND)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _exact(value: Any) -> Decimal:
    return Decimal(str(value)).normalize()


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _plain(value: Any) -> Any:
    """JSON with numbers that compare by value."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return _exact(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value

"""Thirty days of records of a shop, as runs would have published them, up to the present moment."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from winbc_pipeline.flows import flow_named
from winbc_pipeline.health import store
from winbc_pipeline.health.publishing.publish import publish
from winbc_pipeline.health.store import Outage
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow

HOSTILE = "<img src=x onerror=alert(1)>"
RUN = "2f3c6f0e-5d7a-4a63-9c57-0d2b7a7c9a11"
FLOWS = ("orders_winstore_to_bc", "products_winstore_to_bc", "customers_winstore_to_bc", "stock_winstore_to_bc")
DAYS = 30


def fill(settings: Settings, now: datetime) -> None:
    """Publishes the days of four flows, some failures, and a channel of alerts that is down."""
    for place, name in enumerate(FLOWS):
        connected = ConnectedFlow(flow_named(name), settings)
        with connected.store.transaction() as connection:
            for days in reversed(range(DAYS)):
                _day(connection, connected, now - timedelta(days=days), 6 + (days * 7 + place * 5) % 23)
        publish(connected, now)
        polls.answered(settings, name, waiting=False)
    store.remember(settings, {}, [Outage("mail", now - timedelta(hours=3), now, 4)])


def _day(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, moment: datetime, count: int) -> None:
    part, is_order = connected.flow.main, connected.flow.document is not None
    begun, done = list[Move](), list[Move]()
    for number in range(count):
        key = f"{'W' if is_order else 'SKU-'}{moment:%m%d}{number:02}"
        known: dict[str, Any] = {"window": moment.date(), "version": "1", "attempt_id": key, "intent_at": moment}
        if is_order:
            known |= {"amount": Decimal("24.95") + number, "currency": "" if number % 4 else "USD"}
        if number == 3 and moment.day % 3 == 0:
            words = {"reason": "MAPPING", "message": "taxCode: not in lookup table tax_groups, given `77`"}
            done.append(
                Move(part, HOSTILE if moment.day % 2 else key, State.FAILED, known | words | {"action": "fail"})
            )
        elif number % 5 == 4:
            done.append(Move(part, key, State.SKIPPED, known | {"reason": "NOT_PAID" if is_order else "UNCHANGED"}))
        else:
            action = "update" if number % 3 == 2 else "create"
            begun.append(Move(part, key, State.SENDING, known))
            done.append(Move(part, key, State.CONFIRMED, known | {"action": action, "target_no": f"S-{key}"}))
    ledger.move_within(connection, begun, RUN, moment - timedelta(seconds=2))
    ledger.move_within(connection, done, RUN, moment)

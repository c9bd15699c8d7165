"""400 days of a small shop: the files stop growing, apart from the ledger, which is kept.

The rows are written as a run writes them (staging, plan, intents, outcomes), without the calls between.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from winbc_pipeline import clock
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.load import load
from winbc_pipeline.staging.store import insert_rows, renew_table
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.keeping.retention import tidy
from winbc_pipeline.sync.map import MAPPED, mapped_table
from winbc_pipeline.sync.plan_table import PLANNED, planned_table
from winbc_pipeline.sync.watermark import versions

DAYS, STEP, START = 400, 5, datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = 40 * STEP  # of the days of one step
BLOCK = 256 * 1024  # bytes, by which a file of DuckDB grows


def some_days(connected: ConnectedFlow, day: int, now: datetime) -> None:
    """Reads, maps, plans and confirms the orders of one step."""
    flow, store, part = connected.flow, connected.store, connected.flow.main
    keys = [f"W{day:03}-{number}" for number in range(ORDERS)]
    noise = {key: hashlib.sha256(key.encode()).hexdigest() * 4 for key in keys}  # texts that compress badly
    rows = [
        {
            "ordernr": key,
            "linenr": "1",
            "email": noise[key],
            "delivery_add_name": noise[key],
            "modified": now.isoformat(),
        }
        for key in keys
    ]
    load(store, connected.staging, [orjson.dumps(rows)], now)
    with store.transaction() as connection:
        known = dict(connection.execute(f"SELECT key, version FROM ({versions(connected)})").fetchall())
        renew_table(connection, mapped_table(flow), MAPPED)
        renew_table(connection, planned_table(flow), PLANNED)
        body = {key: json.dumps({"note": noise[key]}) for key in keys}
        mapped = [{"part": part, "_key": key, "_window": now.date(), "creates": body[key]} for key in keys]
        insert_rows(connection, mapped_table(flow), MAPPED, mapped)
        planned = [{"part": part, "key": key, "window": now.date(), "body": body[key]} for key in keys]
        insert_rows(connection, planned_table(flow), PLANNED, planned)
        sent = {"attempt_id": "1", "intent_at": now, "window": now.date()}
        intents = [Move(part, key, State.SENDING, sent | {"version": known[key]}) for key in keys]
        ledger.move_within(connection, intents, "run", now)
        ledger.keep_sent(connection, intents, body.values(), connected.settings.payload_days)
        done = {"target_id": "00000000-0000-0000-0000-000000000000", "hash": "0" * 32}
        ledger.move_within(connection, [Move(part, key, State.CONFIRMED, done) for key in keys], "run", now)


@pytest.mark.soak
def test_the_file_of_a_flow_is_as_large_after_400_days_as_after_90(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = ConnectedFlow(ORDERS_TO_BC, Settings(data_folder=tmp_path))
    sizes = {}
    for day in range(0, DAYS, STEP):
        now = START + timedelta(days=day)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        some_days(connected, day, now)
        tidy(connected)
        sizes[day] = connected.store.path.stat().st_size
    with connected.store.open() as connection:
        kept = connection.execute("SELECT count(*) FROM ledger").fetchone()
        events = connection.execute("SELECT count(*) FROM ledger_event").fetchone()
        staged = connection.execute(f"SELECT count(*) FROM {connected.staging.name}").fetchone()
    assert kept == (DAYS // STEP * ORDERS,), "nothing is forgotten of what was sent"
    assert events == ((90 // STEP + 1) * ORDERS * 2,)
    assert staged == ((30 // STEP + 1) * ORDERS,)
    most_before = max(sizes[day] for day in range(90, 150, STEP))
    most_after = max(sizes[day] for day in range(DAYS - 60, DAYS, STEP))
    of_ledger = 250 * 40 * 150  # bytes: 250 days more of the ledger, which is kept
    assert most_after <= most_before * 1.1 + of_ledger + BLOCK, f"{most_before} bytes, then {most_after}"

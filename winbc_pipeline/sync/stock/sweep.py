"""The sweep of stock: compares the live figures of both systems, and sends what differs.

A correction in one system may leave no trace that a sensor sees, and somebody may have typed a figure in the target. So
nothing is concluded from what was sent before. What comes first when there are more SKUs than calls: `_ordered`.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import orjson

from ... import clock
from ...settings import Settings
from ...staging import ledger
from ...staging.gather import last_whole
from ...staging.lingering import lingering
from ...staging.store import Row, create_table, insert_rows, literal, quote, renew_table
from ...systems.winstore import load_profile
from ..connected import ConnectedFlow
from ..map import MAPPED, map_windows, mapped_table
from ..reading.stage import stage
from ..run import not_done, plan_windows, push_windows
from ..session import lease_of_layer
from ..work import Work
from .bc_stock import INVENTORY, StockOfBc
from .winstore_stock import WinstoreStock

FIRST = 1000  # SKUs that moved last, which every sweep looks at
FIND_CALLS, FOUND_AT_ONCE = 5, 20_000  # calls for so many look-ups by number (40 to a filter, 100 to a batch)
CALLS = {"system": "VARCHAR", "moment": "TIMESTAMPTZ", "calls": "INTEGER"}
SEEN = {"key": "VARCHAR", "seen_at": "TIMESTAMPTZ"}
LIVE = {"id": "VARCHAR", "number": "VARCHAR", "figure": "DECIMAL(18, 5)", "takes": "BOOLEAN"}
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Swept:
    """What a sweep did.

    Attributes:
        seen: SKUs whose figures in the target were looked at.
        differing: SKUs that were planned anew, because both sides differ or nobody knew.
        failed: ledger rows of these that are not done.
        late: SKUs that were not looked at within `stock.full_sweep_hours`.
    """

    seen: int
    differing: int
    failed: list[Row]
    late: int


@lingering()
def sweep(connected: ConnectedFlow, run_id: str) -> Swept:
    """Compares both sides, and sends what differs.

    Raises: as `stage` and `push_windows`; TooManyWrites when a person must look first.
    """
    connected.check_on()
    now = clock.now()
    with lease_of_layer(connected):
        _read_source(connected, now)
        _map_changes(connected, now)
        chosen = _read_target(connected, now)
        differing = _differing(connected)
        _note_seen(connected, chosen, now)
        failed = send(connected, differing, run_id)
        return Swept(len(chosen), len(differing), failed, _late(connected, now))


@lingering()
def at_once(connected: ConnectedFlow, keys: Collection[str], run_id: str) -> list[Row]:
    """Reads what changed and sends the stock of these SKUs, whatever was sent before.

    Returns: their ledger rows.
    """
    connected.check_on()
    now = clock.now()
    with lease_of_layer(connected):
        stage(connected, _first_day(connected))
        _map_changes(connected, now)
        send(connected, keys, run_id)
        return ledger.read(connected.store, "part = ? AND list_contains(?, key)", [connected.flow.main, list(keys)])


def send(connected: ConnectedFlow, keys: Collection[str], run_id: str) -> list[Row]:
    """Plans and sends the stock of these SKUs against the live target; the ledger rows of those that are not done."""
    if not keys:
        return []
    part = connected.flow.main
    ledger.look_again(connected.store, part, keys)
    settings, today = connected.settings, clock.now().date()
    work = Work(connected, settings.history_start, today, run_id, {(part, key) for key in keys})
    plan_windows(work)
    push_windows(work)
    wanted = [part, list(keys)]
    return not_done(ledger.read(connected.store, "part = ? AND list_contains(?, key)", wanted))


def _first_day(connected: ConnectedFlow) -> date:
    """The day of the newest change that was followed, from which on a sweep reads changes."""
    followed = ledger.watermark(connected.store, connected.flow.id)
    start = connected.settings.history_start
    # The first day of history would mean: read everything.
    return max(followed.date(), start + timedelta(days=1)) if followed else start


def _read_source(connected: ConnectedFlow, now: datetime) -> None:
    """Stages what changed; everything when that is due, or costs little."""
    settings, rows = connected.settings, connected.loaded.name
    last = last_whole(connected.store, rows)
    calls = 1 + _count(connected, rows) // _page_size(settings, connected.flow.source)
    is_due = last is None or now - last >= timedelta(hours=settings.stock.full_sweep_hours)
    # Business Central tells a few figures a call; Winstore's changes hold its corrections too.
    is_cheap = connected.flow.source == "bc" and calls <= _share(settings)
    whole = (is_due or is_cheap) and calls <= _left(connected, connected.flow.source, now)
    stage(connected, _first_day(connected), whole=whole)
    _note_calls(connected, connected.flow.source, calls if whole else 1, now)


def _map_changes(connected: ConnectedFlow, now: datetime) -> None:
    """Maps the windows whose records are not mapped as they are now, by the present tables."""
    staging, version = quote(connected.staging.name), connected.mapping_version()
    with connected.store.open() as connection:
        renew_table(connection, mapped_table(connected.flow), MAPPED)
        first = connection.execute(
            f"""
            SELECT min(s._window)
            FROM {staging} AS s
            ANTI JOIN {quote(mapped_table(connected.flow))} AS m
                ON m._key = s._key AND m._version = s._version::VARCHAR AND m.mapping_version = ?
            """,
            [version],
        ).fetchone()
    if first and first[0]:
        map_windows(Work(connected, first[0], now.date(), "sweep"))


def _read_target(connected: ConnectedFlow, now: datetime) -> list[str]:
    """Puts the live figures of the target into the table `live_figure`; gives the SKUs that were looked at."""
    keys = _ordered(connected, now)
    read = _of_winstore if connected.flow.target == "winstore" else _of_bc
    seen, pages, calls = read(connected, keys, now)
    with connected.store.transaction() as connection:
        create_table(connection, "live_figure", LIVE)
        connection.execute("DELETE FROM live_figure")
        for rows in pages:
            insert_rows(connection, "live_figure", LIVE, rows)
    _note_calls(connected, connected.flow.target, calls, now)
    return seen


def _of_winstore(
    connected: ConnectedFlow, keys: list[str], now: datetime
) -> tuple[list[str], Iterator[list[Row]], int]:
    target = WinstoreStock(connected.settings)
    settings = connected.settings
    try:
        last, hours = target.last_whole(), timedelta(hours=settings.stock.full_sweep_hours)
        calls = target.refresh(whole=last is None or now - last >= hours)
        warehouse = settings.stock.warehouse
        rows = [
            {"id": f"{row['sku']}/{warehouse}", "number": row["sku"], "figure": row["quantity"], "takes": True}
            for row in target.figures()
            if row["warehouse"] == warehouse
        ]
        left = min(_share(settings), _left(connected, "winstore", now)) - calls - 1  # a look-up reads changes, too
        without = _without_article(connected)
        asked, late = without[: max(0, left)], set(without[max(0, left) :])
        found = target.find("stock", "sku", [key.lower() for key in asked], True) if asked else {}
        calls += len(asked) + bool(asked)
        rows += [
            {"id": each["id"], "number": each["sku"], "figure": None, "takes": True}
            for figures in found.values()
            for each in figures
        ]
    finally:
        target.close()
    return [key for key in keys if key not in late], iter([rows]), calls


def _without_article(connected: ConnectedFlow) -> list[str]:
    """The SKUs that Winstore did not have, those first that were not asked for longest.

    An article that was made since, and has no stock yet, shows in no change of stock.
    """
    with connected.store.open() as connection:
        ledger.create(connection)
        create_table(connection, "stock_seen", SEEN)
        found = connection.execute(
            """
            SELECT l.key
            FROM ledger AS l
            LEFT JOIN stock_seen AS seen ON seen.key = l.key
            WHERE l.part = ? AND l.state = 'SKIPPED' AND l.reason = 'MISSING_ARTICLE'
            ORDER BY seen.seen_at NULLS FIRST, l.key
            """,
            [connected.flow.main],
        ).fetchall()
    return [key for (key,) in found]


def _of_bc(connected: ConnectedFlow, keys: list[str], now: datetime) -> tuple[list[str], Iterator[list[Row]], int]:
    """All items by pages when there are calls for it, else as many as there are calls for, in their order."""
    settings = connected.settings
    pages = 1 + len(keys) // settings.bc.page_size
    left = min(_share(settings), _left(connected, "bc", now))
    target = StockOfBc(settings)
    try:
        if pages <= left:
            live = map(_live, target.pages("items?$select=id,number,inventory,type,blocked"))
            # As JSON, a million of them take a fifth of the memory.
            found = [orjson.dumps(_at_location(target, rows), default=str) for rows in live]
            return keys, map(orjson.loads, found), len(found)
        chosen = keys[: left // FIND_CALLS * FOUND_AT_ONCE]
        fields = ("id", "number", "inventory", "type", "blocked")
        there = target.find("items", "number", chosen, False, fields)
        rows = [_figure(record) for records in there.values() for record in records]
        return chosen, iter([rows]), FIND_CALLS * math.ceil(len(chosen) / FOUND_AT_ONCE)
    finally:
        target.close()


def _live(page: bytes) -> list[Row]:
    return [_figure(record) for record in orjson.loads(page)]


def _at_location(target: StockOfBc, rows: list[Row]) -> list[Row]:
    """The same, of the location in the settings where they name one."""
    found = target.figures({row["id"]: {"number": row["number"], INVENTORY: row["figure"]} for row in rows})
    return [row | {"figure": found[row["id"]][INVENTORY]} for row in rows]


def _figure(record: Row) -> Row:
    takes = record["type"] == "Inventory" and not record["blocked"]
    figure = Decimal(str(record["inventory"]))  # the shortest text of a float is the number that was sent
    return {"id": record["id"], "number": record["number"], "figure": figure, "takes": takes}


def _differing(connected: ConnectedFlow) -> list[str]:
    """The SKUs whose wanted figure is not the live one, or whose outcome is not known.

    A SKU has the record that it is linked to, else that of its number. The joins are on equal values alone: with a
    further condition, DuckDB compares each SKU with each record.
    """
    flow, (part, field) = connected.flow, (connected.flow.main, connected.flow.emptied)
    own = flow.part(part).match[0][0]
    with connected.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(
            f"""
            SELECT DISTINCT w.key
            FROM (
                SELECT
                    m._key AS key, l.state, linked.takes, linked.figure AS there,
                    CASE WHEN linked.id IS NULL THEN lower(m.creates ->> '$.{own}') END AS unlinked,
                    try_cast(m.updates ->> '$.{field}' AS DECIMAL(18, 5)) AS figure
                FROM {quote(mapped_table(flow))} AS m
                LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
                LEFT JOIN live_figure AS linked ON linked.id = l.target_id
                WHERE m.part = {literal(part)} AND m.skip_reason IS NULL AND len(m.errors) = 0
            ) AS w
            LEFT JOIN live_figure AS alike ON lower(alike.number) = w.unlinked
            WHERE coalesce(w.takes, alike.takes, false)
            AND (w.state IS DISTINCT FROM 'CONFIRMED' OR w.figure IS DISTINCT FROM coalesce(w.there, alike.figure))
            ORDER BY w.key
            """
        ).fetchall()
    return [key for (key,) in found]


def _ordered(connected: ConnectedFlow, now: datetime) -> list[str]:
    """The SKUs in the order of the sweep: those that moved last, those that are overdue, low ones, longest unseen."""
    staging, chosen = connected.staging, connected.settings.stock
    overdue = now - timedelta(hours=chosen.full_sweep_hours) + timedelta(minutes=chosen.sweep_minutes)
    with connected.store.open() as connection:
        create_table(connection, "stock_seen", SEEN)
        found = connection.execute(
            f"""
            SELECT key
            FROM (
                SELECT
                    s._key AS key, s.on_hand, seen.seen_at,
                    row_number() OVER (ORDER BY s._modified_at DESC, s._key) AS place
                FROM {quote(staging.name)} AS s
                LEFT JOIN stock_seen AS seen ON seen.key = s._key
            )
            ORDER BY
                CASE
                    WHEN place <= {FIRST} THEN 0
                    WHEN coalesce(seen_at, 'epoch'::TIMESTAMPTZ) < ? THEN 1
                    WHEN on_hand <= {chosen.low} THEN 2
                    ELSE 3
                END,
                seen_at NULLS FIRST, place
            """,
            [overdue],
        ).fetchall()
    return [key for (key,) in found]


def _note_seen(connected: ConnectedFlow, keys: list[str], now: datetime) -> None:
    with connected.store.transaction() as connection:
        create_table(connection, "stock_seen", SEEN)
        create_table(connection, "fresh_seen", SEEN, temporary=True)
        connection.execute("DELETE FROM fresh_seen")
        connection.execute("INSERT INTO fresh_seen SELECT unnest(?::VARCHAR[]), ?", [keys, now])
        connection.execute("DELETE FROM stock_seen USING fresh_seen AS f WHERE stock_seen.key = f.key")
        connection.execute("INSERT INTO stock_seen FROM fresh_seen")


def _late(connected: ConnectedFlow, now: datetime) -> int:
    """How many SKUs were not looked at as often as the settings ask."""
    since = now - timedelta(hours=connected.settings.stock.full_sweep_hours)
    with connected.store.open() as connection:
        found = connection.execute(
            f"""
            SELECT count(*)
            FROM {quote(connected.staging.name)} AS s
            LEFT JOIN stock_seen AS seen ON seen.key = s._key
            WHERE coalesce(seen.seen_at, 'epoch'::TIMESTAMPTZ) < ?
            """,
            [since],
        ).fetchone()
    return int(found[0]) if found else 0


def _count(connected: ConnectedFlow, table: str) -> int:
    with connected.store.open() as connection:
        there = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]).fetchone()
        found = connection.execute(f"SELECT count(*) FROM {quote(table)}").fetchone() if there else None
    return int(found[0]) if found else 0


def _page_size(settings: Settings, system: str) -> int:
    """The most records that one call of a system gives."""
    profile = load_profile(settings.winstore.profile)
    return settings.bc.page_size if system == "bc" else profile.entity("stock").records_per_chunk


def _share(settings: Settings) -> int:
    """The calls to one system that one sweep may make."""
    return max(1, settings.stock.calls_per_hour * settings.stock.sweep_minutes // 60)


def _left(connected: ConnectedFlow, system: str, now: datetime) -> int:
    """The calls to a system that the sweeps of this hour have left."""
    with connected.store.open() as connection:
        create_table(connection, "stock_calls", CALLS)
        found = connection.execute(
            "SELECT coalesce(sum(calls), 0) FROM stock_calls WHERE system = ? AND moment > ?", [system, now - HOUR]
        ).fetchone()
    return connected.settings.stock.calls_per_hour - int(found[0] if found else 0)


def _note_calls(connected: ConnectedFlow, system: str, calls: int, now: datetime) -> None:
    with connected.store.transaction() as connection:
        create_table(connection, "stock_calls", CALLS)
        connection.execute("DELETE FROM stock_calls WHERE moment <= ?", [now - HOUR])
        connection.execute("INSERT INTO stock_calls VALUES (?, ?, ?)", [system, now, calls])

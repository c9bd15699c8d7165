"""What each layer of a flow holds, by window: counts by outcome, the first records, and the sums of its documents.

Here belongs: reading the layers' tables for people. How Dagster shows it: metadata.py.
"""

from dataclasses import dataclass, field
from datetime import date

import duckdb

from ..staging.ledger import OPEN
from ..staging.store import Row, create_table, literal, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.map import mapped_table
from ..sync.plan_table import PLANNED, planned_table
from .redaction import without_personal_data

SHOWN = 50  # records of each window
# Outcomes of the mapped layer, of the plan and of the ledger that somebody has to look at, as a list for SQL.
_TROUBLE = ", ".join(
    f"'{outcome}'" for outcome in (*OPEN, "error", "fail", "conflict", "hold", "wait", "duplicate", "human")
)


@dataclass(frozen=True)
class LayerWindow:
    """One window of a layer.

    Attributes:
        counts: how many records have an outcome, by its name in small letters.
        records: the first records: `part, key, outcome, reason, message`.
        documents: sums of a flow that makes documents, empty for others: `outcome`, `reason`, `currency`, `records`,
            `amount`, `difference`.
    """

    counts: dict[str, int] = field(default_factory=dict)
    records: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)


def windows_of_layer(connected: ConnectedFlow, layer: str, first: date, last: date) -> dict[date, LayerWindow]:
    """What people see of a layer, by the first day of each window. Records in trouble come first.

    Args:
        layer: staging, mapped, planned or synced.
        first: first day of the windows.
        last: last day of the windows, included.
    """
    window = f"""date_trunc('{connected.settings.window}', "window")::DATE"""
    with connected.store.open() as connection:
        create_table(connection, planned_table(connected.flow), PLANNED)
        connection.execute(
            f"""
            CREATE TEMP VIEW layer AS
            SELECT * REPLACE ({window} AS "window")
            FROM ({_layer_rows(connected, layer)}) AS r
            WHERE r."window" BETWEEN DATE '{first}' AND DATE '{last}'
            """
        )
        counts = rows_of(connection, 'SELECT "window", outcome, count(*) AS records FROM layer GROUP BY ALL')
        shown = rows_of(
            connection,
            f"""
            SELECT *
            FROM layer
            QUALIFY {SHOWN} >= row_number()
                OVER (PARTITION BY "window" ORDER BY outcome IN ({_TROUBLE}) DESC, part, key)
            """,
        )
        sums = _sums(connection, connected.flow, layer, window, [first, last])
    return _by_window(counts, shown, sums)


def _by_window(counts: list[Row], shown: list[Row], sums: list[Row]) -> dict[date, LayerWindow]:
    windows: dict[date, LayerWindow] = {}
    for row in counts:
        windows.setdefault(row["window"], LayerWindow()).counts[row["outcome"].lower()] = row["records"]
    for row in shown:
        known = {name: row[name] for name in ("part", "key", "outcome", "reason")}
        windows[row["window"]].records.append(known | {"message": without_personal_data(row)})
    for row in sums:
        windows[row["window"]].documents.append(row)
    return windows


def _sums(connection: duckdb.DuckDBPyConnection, flow: Flow, layer: str, window: str, days: list[date]) -> list[Row]:
    """Number and amount of the documents of a layer, by window, outcome, reason and currency."""
    if not flow.document or layer not in ("planned", "synced"):
        return []
    table, outcome = _outcomes(flow, layer)
    off = "sum(difference)" if layer == "synced" else "NULL"
    return rows_of(
        connection,
        f"""
        SELECT
            {window} AS "window", {outcome} AS outcome, reason, currency,
            count(*) AS records, sum(amount) AS amount, {off} AS difference
        FROM {table} AS t
        WHERE part = ? AND t."window" BETWEEN ? AND ?
        GROUP BY ALL
        ORDER BY ALL
        """,
        [flow.main, *days],
    )


def _outcomes(flow: Flow, layer: str) -> tuple[str, str]:
    """The table of the planned or synced layer, and its column that holds the outcome."""
    return (quote(planned_table(flow)), "action") if layer == "planned" else ("ledger", "state")


def _layer_rows(connected: ConnectedFlow, layer: str) -> str:
    """SELECT of `window, part, key, outcome, reason` of a layer: no personal data.

    `message`, `planned_action` and `body` may hold some, and are for `without_personal_data`.
    """
    flow = connected.flow
    untold = "NULL::VARCHAR AS message, NULL::VARCHAR AS planned_action, NULL::VARCHAR AS body"
    if layer == "staging":
        return f"""
            SELECT
                _window AS "window", '{flow.entity}' AS part, _key AS key, 'read' AS outcome,
                CASE
                    WHEN len(_bad_fields) > 0 THEN 'not of its type: ' || array_to_string(_bad_fields, ', ')
                END AS reason,
                {untold}
            FROM {quote(connected.staging.name)}"""
    if layer == "mapped":
        return f"""
            SELECT
                m._window AS "window", part, m._key AS key,
                coalesce(skip_reason, errors[1].field || ': ' || errors[1].rule) AS reason,
                CASE
                    WHEN len(errors) > 0 THEN 'error'
                    WHEN skip_reason IS NOT NULL THEN 'skip'
                    ELSE 'mapped'
                END AS outcome,
                {_explained(connected)} AS message, NULL::VARCHAR AS planned_action, NULL::VARCHAR AS body
            FROM {quote(mapped_table(flow))} AS m
            LEFT JOIN {quote(connected.staging.name)} AS s ON s._key = m._key"""
    planned = quote(planned_table(flow))
    if layer == "planned":
        return f"""
            SELECT "window", part, key, action AS outcome, reason, message, action AS planned_action, body
            FROM {planned}"""
    return f"""
        SELECT
            l."window", part, key, l.state AS outcome, l.reason, l.message,
            p.action AS planned_action, p.body
        FROM ledger AS l
        LEFT JOIN {planned} AS p USING (part, key)"""


def _explained(connected: ConnectedFlow) -> str:
    """SQL of what a mapped record was made of, as far as the flow shows it (Flow.explains): names with their values."""
    told = []
    for name in connected.flow.explains:
        value = f"s.{quote(name)}::VARCHAR"
        if connected.staging.fields[name] == "decimal":
            value = rf"regexp_replace({value}, '\.?0+$', '')"
        told.append(f"{literal(name)} || ' ' || nullif({value}, '')")
    return f"concat_ws(', ', {', '.join(told)})" if told else "NULL::VARCHAR"

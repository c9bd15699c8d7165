"""Records that the target has and whose source no longer has them: which they are, why, and what a person reads of it.

Here belongs: the SQL of what is gone, and its words. What a read may conclude: staging/gone.py. Blocking: block.py.
"""

import duckdb

from ....staging import ledger
from ....staging.gone import ABSENT, LEFT, gone_table
from ....staging.gone import create as create_notes
from ....staging.load import create as create_staging
from ....staging.store import literal, quote, rows_of
from ...connected import ConnectedFlow
from ...flow import Gone

INACTIVE = "INACTIVE"
REASON = {LEFT: "MISSING_SKU", ABSENT: "MISSING_ARTICLE"}
NAMED = 10  # records that are named
# Reasons of ledger rows whose record is not in the target, or that a person has settled.
SETTLED = ("DELETED_THERE", "MISSING_THERE", "IGNORED")
WORDS = {
    INACTIVE: "are in the target and inactive in the source",
    "MISSING_SKU": "are in the target, and the newest whole answer for their article does not have them any more",
    "MISSING_ARTICLE": "are in the target, and a read of everything in the source did not give their article",
}


def create(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow) -> None:
    """Makes the tables that `gone_sql` reads where they are missing."""
    ledger.create(connection)
    create_staging(connection, connected.staging)
    create_notes(connection, connected.staging.name)


def gone_sql(connected: ConnectedFlow, gone: Gone) -> str:
    """SELECT of the records that are gone and that were sent: `key`, `reason`, `choice`, `since` and `target_id`.

    A record may be gone for several reasons. It counts once, for the reason whose choice does most. For a record that a
    person has settled, or that is not in the target, the choice is `nothing`.
    """
    staging, settled = connected.staging, ", ".join(map(literal, SETTLED))
    main = literal(connected.flow.main)
    parts = ", ".join([main, *map(literal, gone.reported)])
    chosen = gone.chosen(connected.settings)
    choices = " ".join(f"WHEN {literal(reason)} THEN {literal(choice)}" for reason, choice in chosen.items())
    noted = " ".join(f"WHEN {literal(kind)} THEN {literal(reason)}" for kind, reason in REASON.items())
    inactive = f"NOT {quote(gone.active)}" if staging.fields.get(gone.active) == "boolean" else "false"
    return f"""
        SELECT
            g.key, g.reason, g.since, l.target_id,
            CASE g.reason {choices} END AS chosen,
            CASE
                WHEN l.reason IN ({settled}) THEN 'nothing'
                WHEN l.part <> {main} AND chosen = 'block' THEN 'report'
                ELSE chosen
            END AS choice
        FROM (
            SELECT key, CASE kind {noted} END AS reason, since
            FROM {quote(gone_table(staging.name))}
            UNION ALL
            SELECT _key AS key, '{INACTIVE}' AS reason, _window AS since
            FROM {quote(staging.name)}
            WHERE {inactive}
        ) AS g
        JOIN ledger AS l ON l.part IN ({parts}) AND l.key = g.key
        WHERE l.target_id IS NOT NULL
        QUALIFY row_number() OVER (
            PARTITION BY g.key
            ORDER BY list_position(['block', 'report', 'nothing'], choice), g.reason
        ) = 1"""


def reported(connected: ConnectedFlow) -> dict[str, tuple[int, list[str]]]:
    """How many records are gone that the settings ask to report, and the first of their keys, by reason code."""
    gone = connected.flow.gone
    if not gone:
        return {}
    with connected.store.open() as connection:
        create(connection, connected)
        rows = rows_of(
            connection,
            f"""
            SELECT reason, count(*) AS records, list(key ORDER BY key)[:{NAMED}] AS named
            FROM ({gone_sql(connected, gone)})
            WHERE choice = 'report'
            GROUP BY ALL
            ORDER BY reason
            """,
        )
    return {row["reason"]: (row["records"], row["named"]) for row in rows}


def in_words(found: dict[str, tuple[int, list[str]]]) -> list[str]:
    """What `reported` found, a sentence for each reason."""
    return [
        f"{reason}: {count} records {WORDS[reason]}: {', '.join(named)}{' …' if count > len(named) else ''}"
        for reason, (count, named) in found.items()
    ]

"""The steps of a run, and the outcome of its records. Assets, command line and tests call these functions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.lingering import lingering
from ..staging.store import Row, literal, rows_of
from . import sync_states
from .connected import ConnectedFlow
from .dispatch import sending_of
from .documents import SENDING as DOCUMENTS
from .documents import duplicates
from .documents.outbox import SENT
from .guards import safe_mode, writes
from .map import map_windows, mapped_by
from .plan_table import planned_by
from .reading.stage import stage
from .session import check_target, lease_of_layer, leased, recover
from .work import Work

Begin = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """Counts of one run.

    `read`, `created`, `updated` and `skipped` count records of the flow's main part. `failed` counts the keys of all
    parts that are not done.
    """

    read: int
    created: int
    updated: int
    skipped: int
    failed: int


def _silent(_: str) -> None:
    pass


def plan_windows(work: Work) -> list[str]:
    """Plans the windows against the live target, and writes nothing to it.

    Returns: names of the layers above that were made again, because the tables were edited since they were made.
    Raises: StoreBusy while another run goes on; ConfigurationError when the ledger was kept for another target, or when
        the company is not what the settings say of it.
    """
    sending = sending_of(work.flow)
    with leased(work.connected, sending) as target:
        check_target(work.connected, sending, target)
        work.flow.suits(work.settings, target)
        again = _mapped_again(work)
        sending.plan(work, target)
    return again


def push_windows(work: Work) -> list[str]:
    """Sends the plan of the windows.

    Returns: names of the layers above that were made again, because the tables were edited since they were made.
    Raises: StoreBusy while another run goes on; TooManyWrites when a person must look at the plan first, because it is
        much or the flow is in safe mode. Then each record that would have been sent is PLANNED (APPROVAL), and all
        others have their outcome. ConfigurationError when the company is not what the settings say of it.
    """
    sending = sending_of(work.flow)
    with leased(work.connected, sending) as target:
        work.flow.suits(work.settings, target)
        again = _mapped_again(work)
        if again or work.connected.was_edited_since(planned_by(work)):
            check_target(work.connected, sending, target)
            sending.plan(work, target)
            again.append("planned")
        in_safe_mode = safe_mode.is_on(work.connected)
        is_watched = in_safe_mode or work.flow.guarded
        if not again and is_watched and recover(work.store, work.run_id):
            sending.plan(work, target)  # what a killed run has sent is looked up before it is counted
        held = writes.held(work, in_safe_mode)
        sending.push(writes.hold(work) if held or in_safe_mode else work, target)
        if is_watched:
            writes.forget_done(work.connected)
        if held:
            safe_mode.arm(work.connected)
        sync_states.tell(work)
    if held:
        raise held
    return again


def _mapped_again(work: Work) -> list[str]:
    """Maps the windows again when their records were mapped by other tables; the names of the layers made again."""
    if not work.connected.was_edited_since(mapped_by(work)):
        return []
    map_windows(work)
    return ["mapped"]


def search_duplicates(connected: ConnectedFlow, since: datetime, run_id: str) -> list[str]:
    """Searches second documents of the orders that were confirmed since a moment, and marks those orders DUPLICATE.

    Nothing is deleted. Returns the keys of the marked orders.
    """
    with leased(connected, DOCUMENTS) as target:
        check_target(connected, DOCUMENTS, target)
        return duplicates.search(Work(connected, date.min, date.max, run_id), target, since)


def dry_run(work: Work, begin: Begin = _silent) -> None:
    """Runs the layers up to planned, without Dagster. `begin` is called with each layer's name as it begins."""
    with lease_of_layer(work.connected):
        begin("staging")
        stage(work.connected, work.first, told=work.told)
        begin("mapped")
        map_windows(work)
        begin("planned")
        plan_windows(work)


def sync(work: Work, begin: Begin = _silent) -> Summary:
    """Runs all four layers, without Dagster; returns what the run did.

    Raises: as `stage` and `push_windows`.
    """
    with lingering(), lease_of_layer(work.connected):
        dry_run(work, begin)
        begin("synced")
        push_windows(work)
        return summary(work)


def records_not_done(connected: ConnectedFlow, first: date, last: date) -> list[Row]:
    """The ledger rows between two days (both included) that a person or the next run still has to deal with."""
    return ledger.read(connected.store, '"window" BETWEEN ? AND ? AND list_contains(?, state)', [first, last, [*OPEN]])


def not_done(rows: list[Row]) -> list[Row]:
    """The ledger rows of records that a person or the next run still has to deal with."""
    return [row for row in rows if row["state"] in OPEN]


def cents_off(connected: ConnectedFlow, run_id: str | None = None) -> list[str]:
    """In words, by currency: how far documents that count as sent are from the source's totals, all together.

    Args:
        run_id: only the documents that this run has sent; None for all.
    """
    with connected.store.open() as connection:
        ledger.create(connection)
        rows = rows_of(
            connection,
            """
            SELECT coalesce(currency, '') AS currency, count(*) AS documents, sum(difference) AS amount
            FROM ledger
            WHERE part = ? AND state = 'CONFIRMED' AND difference <> 0 AND run_id = coalesce(?, run_id)
            GROUP BY ALL
            ORDER BY ALL
            """,
            [connected.flow.main, run_id],
        )
    return [f"{row['documents']} documents, {row['amount']:+.2f} {row['currency']}".strip() for row in rows]


def of_other_parts(work: Work) -> list[str]:
    """What the run of a work did to records of parts besides the main one, such as `picture: 2 created`."""
    counts: dict[str, list[str]] = {}
    for row in _counted(
        work,
        """
        SELECT
            part,
            CASE
                WHEN state = 'SKIPPED' THEN 'skipped'
                WHEN state = 'CONFIRMED' AND action = 'create' THEN 'created'
                WHEN state = 'CONFIRMED' AND action = 'update' THEN 'updated'
            END AS outcome,
            count(*) AS records
        FROM everything
        WHERE is_of_run AND NOT is_main AND outcome IS NOT NULL
        GROUP BY ALL
        ORDER BY ALL
        """,
    ):
        counts.setdefault(row["part"], []).append(f"{row['records']} {row['outcome']}")
    return [f"{part}: {', '.join(each)}" for part, each in counts.items()]


def summary(work: Work) -> Summary:
    """What the run of a work did. A record that an earlier run has sent, and that is unchanged, counts as skipped."""
    updates = ", ".join(literal(action) for action in ("update", *SENT) if action != "create")
    (row,) = _counted(
        work,
        # A record with a part that is not done counts as failed, whatever became of its other parts.
        f"""
        WITH failed AS (SELECT DISTINCT key FROM everything WHERE is_open)
        SELECT
            count(*) AS read,
            count(*) FILTER (is_sent AND action = 'create') AS created,
            count(*) FILTER (is_sent AND action IN ({updates})) AS updated,
            count(*) FILTER (has_failed) AS own_failed,
            (SELECT count(*) FROM failed) AS failed
        FROM (
            SELECT
                e.action,
                f.key IS NOT NULL AS has_failed,
                e.is_of_run AND e.state = 'CONFIRMED' AND f.key IS NULL AS is_sent
            FROM everything AS e
            LEFT JOIN failed AS f ON f.key = e.key
            WHERE e.is_main
        )
        """,
    )
    skipped = row["read"] - row["created"] - row["updated"] - row.pop("own_failed")
    return Summary(**row, skipped=skipped)


def _counted(work: Work, sql: str) -> list[Row]:
    """The result of a query on `everything`: the ledger rows of a work's windows.

    Their further columns: `is_main` (of the flow's main part), `is_of_run` (this run moved it last), `is_open`.
    """
    with work.store.open() as connection:
        ledger.create(connection)
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE everything AS
            SELECT
                part, key, state, action, part = ? AS is_main, run_id IS NOT DISTINCT FROM ? AS is_of_run,
                state IN ({", ".join(map(literal, OPEN))}) AS is_open
            FROM ledger
            WHERE "window" BETWEEN ? AND ?
            """,
            [work.flow.main, work.run_id, *work.days],
        )
        return rows_of(connection, sql)

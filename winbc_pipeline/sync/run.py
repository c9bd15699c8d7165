"""The steps of a run, and the outcome of its records. Assets, command line and tests call these functions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.lingering import lingering
from ..staging.store import Row, rows_of
from .connected import ConnectedFlow
from .dispatch import sending_of
from .documents import SENDING as DOCUMENTS
from .documents import duplicates
from .documents.outbox import SENT
from .guards import safe_mode, writes
from .map import map_windows, mapped_by
from .plan_table import planned_by
from .reading.stage import stage
from .session import check_target, leased, recover
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
        held = writes.held(work)
        sending.push(writes.hold(work) if held or in_safe_mode else work, target)
        if is_watched:
            writes.forget_done(work.connected)
        if held:
            safe_mode.arm(work.connected)
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
    with lingering():
        dry_run(work, begin)
        begin("synced")
        push_windows(work)
        return summary(work)


def records(connected: ConnectedFlow, first: date, last: date) -> list[Row]:
    """The ledger rows of the windows between two days (both included)."""
    return ledger.read(connected.store, '"window" BETWEEN ? AND ?', [first, last])


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
    words = {"create": "created", "update": "updated"}
    counts: dict[str, Counter[str]] = {}
    for row in records(work.connected, work.first, work.last):
        done = words.get(row["action"] or "") if row["state"] == "CONFIRMED" else None
        outcome = "skipped" if row["state"] == "SKIPPED" else done
        if row["run_id"] == work.run_id and row["part"] != work.flow.main and outcome:
            counts.setdefault(row["part"], Counter())[outcome] += 1
    return [
        f"{part}: {', '.join(f'{count} {outcome}' for outcome, count in sorted(each.items()))}"
        for part, each in sorted(counts.items())
    ]


def summary(work: Work) -> Summary:
    """What the run of a work did. A record that an earlier run has sent, and that is unchanged, counts as skipped."""
    everything = records(work.connected, work.first, work.last)
    rows = [row for row in everything if row["part"] == work.flow.main]
    # A record with a part that is not done counts as failed, whatever became of its other parts.
    failed = {row["key"] for row in not_done(everything)}
    sent = Counter(
        row["action"]
        for row in rows
        if row["run_id"] == work.run_id and row["state"] == "CONFIRMED" and row["key"] not in failed
    )
    created = sent["create"]
    updated = sum(sent[action] for action in ("update", *SENT) if action != "create")
    own_failed = len({row["key"] for row in rows} & failed)
    skipped = len(rows) - created - updated - own_failed
    return Summary(len(rows), created, updated, skipped, len(failed))

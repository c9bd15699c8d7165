"""The guard of writes: a run that would create or update much more than usual is held until a person approves it.
In safe mode every run is held that would write anything.

Here belongs: what counts, the limit, what a held run leaves in the ledger, and what was approved. A run is judged by
all rows of its plan that would be sent and that nobody has approved. What already waits for an approval counts too, in
whatever window it is: or a large load would pass window by window.

A record whose answer was lost passed the guard when it was sent, and one that a person has decided about was seen: both
go on. An approval belongs to one target because the database does (session.check_target).
"""

from dataclasses import dataclass, fields, replace
from datetime import date

import duckdb

from ... import clock
from ...errors import NotDone, TooManyWrites
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.people.personal import PersonalTable
from ...staging.store import Row, create_table, literal, quote, renew_table, rows_of
from ..connected import ConnectedFlow
from ..documents.outbox import SENT
from ..flow import Flow
from ..outcomes import APPROVAL, APPROVED, BY_PERSON
from ..plan_table import PLANNED, planned_table
from ..sending import chunks_of
from ..work import Work
from . import is_on, safe_mode

TABLE = "approved_write"
SAME = ("part", "key", "action", "hash", "mapping_version")  # what must still be so for an approval to hold
KNOWN = ("action", "version", "window")  # what the ledger is told of a record that is held: nothing of it was sent
AT_ONCE = 20_000  # records that are moved at once
ALWAYS = (date.min, date.max)
WRITES = ", ".join(map(literal, dict.fromkeys((*SENT, "update"))))  # planned actions that write
# What an unapproved row of the plan (`_not_approved`) counts as, in SQL.
COUNTED = """
                count(*) FILTER (action = 'create') AS creates,
                count(*) FILTER (action <> 'create') AS updates,
                count(*) FILTER (blocks) AS blocks"""
# Actions on documents that people should see by themselves, as words.
ON_DOCUMENTS = {
    "ship": "to ship and invoice",
    "deliver": "to ship",
    "release": "to release",
    "delete": "to delete",
    "cancel": "to cancel",
}


@dataclass(frozen=True)
class Writes:
    """What a run would write that nobody has approved: numbers of records, of all parts.

    Attributes:
        updates: all that is not created, such as documents that are changed, shipped or deleted.
        blocks: of the updates, those that block a record.
        zeroes: of the updates, those that leave nothing of a stock (`Flow.emptied`).
        on_documents: of the updates, those with each action of ON_DOCUMENTS, in its order.
        own: those of the run's own windows; the others wait for an approval already.
        waiting: those that wait for an approval, whatever window they are in.
        known: records that the flow has in the target.
        essence: stands for which records these are, and what would be written.
    """

    creates: int
    updates: int
    blocks: int
    zeroes: int
    on_documents: tuple[int, ...]
    own: int
    waiting: int
    known: int
    essence: int

    def in_words(self) -> str:
        some = [(self.blocks, "to block"), (self.zeroes, "to zero")]
        some += zip(self.on_documents, ON_DOCUMENTS.values(), strict=True)
        of_them = ", ".join(f"{count} of them {what}" for count, what in some if count)
        more = f" ({of_them})" if of_them else ""
        return f"{self.creates} records to create, {self.updates} to update{more}; {self.known} are known"


@dataclass(frozen=True)
class PartWrites:
    """What a plan would write of one part that nobody has approved: numbers of records as in Writes."""

    part: str
    creates: int
    updates: int
    blocks: int


def held(work: Work, in_safe_mode: bool | None = None) -> TooManyWrites | None:
    """The error of a run that would write too much, or anything in safe mode, in words for people; None for a run that
    may go on.

    Args:
        in_safe_mode: whether the flow is in safe mode; None where the caller has not looked.
    """
    if in_safe_mode is None:
        in_safe_mode = safe_mode.is_on(work.connected)
    if not (in_safe_mode or is_on(work.connected)):
        return None
    writes = counted(work)
    if in_safe_mode:
        return _held_by_safe_mode(work.flow, writes)
    most = limit(work.connected, writes)
    zero = zero_limit(work.connected, writes)
    if not writes.own or (max(writes.creates, writes.updates) <= most and writes.zeroes <= zero):
        return None
    may = f"A run may create {most} and update {most}" + (f", {zero} of them to zero." if work.flow.emptied else ".")
    words = f"{work.flow.id}: the plan has {writes.in_words()}. {may}"
    hint = f"Nothing of it is sent until somebody has looked: `winbc approve {work.flow.id}` shows it and asks."
    return TooManyWrites(words, hint)


def _held_by_safe_mode(flow: Flow, writes: Writes) -> TooManyWrites | None:
    if not writes.own:
        return None
    words = f"{flow.id} is in safe mode: the plan has {writes.in_words()}."
    return TooManyWrites(words, f"Nothing of it is sent until `winbc approve {flow.id}`, which shows it and asks.")


def limit(connected: ConnectedFlow, writes: Writes) -> int:
    """The most records that a run may create, and the most that it may update."""
    chosen = connected.settings.guards
    return max(chosen.at_least, writes.known * chosen.share_percent // 100)


def zero_limit(connected: ConnectedFlow, writes: Writes) -> int:
    """The most stocks of which a run may leave nothing, however many it may update."""
    chosen = connected.settings.stock
    return max(chosen.zero_at_least, writes.known * chosen.zero_share_percent // 100)


def counted(work: Work) -> Writes:
    """What the plan of a work's windows would write that nobody has approved."""
    of_each = ", ".join(f"count(*) FILTER (action = {literal(action)})" for action in ON_DOCUMENTS)
    with work.store.open() as connection:
        _create(connection, work.flow)
        row = rows_of(
            connection,
            f"""
            SELECT
                {COUNTED},
                count(*) FILTER (empties) AS zeroes,
                [{of_each}] AS on_documents,
                count(*) FILTER (is_own) AS own,
                count(*) FILTER (waits) AS waiting,
                (SELECT count(*) FROM ledger WHERE target_id IS NOT NULL) AS known,
                coalesce(bit_xor(hash({", ".join(SAME)})), 0) AS essence
            FROM (SELECT *, "window" BETWEEN ? AND ? AS is_own FROM ({_not_approved(work.flow)}))
            WHERE is_own OR waits
            """,
            work.days,
        )[0]
    row["on_documents"] = tuple(row["on_documents"])
    return Writes(**{each.name: row[each.name] for each in fields(Writes)})


def by_part(connected: ConnectedFlow) -> list[PartWrites]:
    """What the whole plan of a flow would write that nobody has approved, in the order in which the parts are sent."""
    with connected.store.open() as connection:
        _create(connection, connected.flow)
        rows = rows_of(
            connection,
            f"""
            SELECT
                part,
                {COUNTED}
            FROM ({_not_approved(connected.flow)})
            GROUP BY part
            """,
        )
    return sorted((PartWrites(**row) for row in rows), key=lambda each: _place(connected, each.part))


def examples(connected: ConnectedFlow, most: int) -> list[Row]:
    """Some planned rows of each part that nobody has approved, those that block a record first.

    Args:
        most: how many of each part.
    """
    with connected.store.open() as connection:
        _create(connection, connected.flow)
        order = "blocks DESC, action DESC, key"
        number = f"row_number() OVER (PARTITION BY part ORDER BY {order})"
        select = f"SELECT * FROM ({_not_approved(connected.flow)}) QUALIFY {number} <= {most} ORDER BY {order}"
        return sorted(rows_of(connection, select), key=lambda row: _place(connected, row["part"]))


def _place(connected: ConnectedFlow, part: str) -> int:
    """When a part is sent: its place among the parts; what blocks records comes last."""
    names = [each.name for each in connected.parts]
    return names.index(part) if part in names else len(names)


def hold(work: Work) -> Work:
    """Leaves what would be sent and is not approved as PLANNED (APPROVAL) in the ledger; gives the rest of the work.

    Of the rest only that may be written which is approved by now, or goes on: a record that needs no call by this plan
    may need one by a newer plan, which nobody has seen.
    """
    held, rest = _divided(work)
    held = [row for row in held if work.wants(row["part"], row["key"])]
    rest = {each for each in rest if work.wants(*each)}
    for chunk in chunks_of([row for row in held if not row["is_noted"]], AT_ONCE):
        moves = [Move(row["part"], row["key"], State.PLANNED, _known(row)) for row in chunk]
        ledger.move(work.store, moves, work.run_id)
    return replace(work.only(rest), may_write=frozenset(_passed(work)))


def _passed(work: Work) -> list[tuple[str, str]]:
    """Part and key of the planned rows of a work's windows that nothing holds."""
    with work.store.open() as connection:
        _create(connection, work.flow)
        passed = (
            f'SELECT part, key FROM ({_open(work.flow)}) WHERE (is_approved OR goes_on) AND "window" BETWEEN ? AND ?'
        )
        return connection.execute(passed, work.days).fetchall()


def _divided(work: Work) -> tuple[list[Row], set[tuple[str, str]]]:
    """The planned rows that are held, and part and key of all others in the windows.

    The column `is_noted` of a held row says whether the ledger has it so already.
    """
    same = " AND ".join(f"p.{quote(name)} IS NOT DISTINCT FROM l.{quote(name)}" for name in KNOWN)
    with work.store.open() as connection:
        held = rows_of(
            connection,
            f"""
            SELECT p.part, p.key, {", ".join(f"p.{quote(name)}" for name in KNOWN)}, p.waits AND {same} AS is_noted
            FROM ({_not_approved(work.flow)}) AS p
            LEFT JOIN ledger AS l ON l.part = p.part AND l.key = p.key
            WHERE p."window" BETWEEN ? AND ?
            """,
            work.days,
        )
        planned = f'SELECT part, key FROM {quote(planned_table(work.flow))} WHERE "window" BETWEEN ? AND ?'
        every = connection.execute(planned, work.days).fetchall()
    return held, set(every) - {(row["part"], row["key"]) for row in held}


def _known(row: Row) -> Row:
    return {name: row[name] for name in KNOWN} | {"reason": APPROVAL}


def forget_done(connected: ConnectedFlow) -> None:
    """Ends the approvals of records that the target has taken by now, or that are planned in another way."""
    same = " AND ".join(f"p.{name} = a.{name}" for name in SAME)
    with connected.store.open() as connection:
        _create(connection, connected.flow)
        connection.execute(
            f"""
            DELETE FROM {TABLE} AS a
            USING ledger AS l
            WHERE l.part = a.part AND l.key = a.key AND l.state = 'CONFIRMED' AND l.hash = a.hash
            """
        )
        connection.execute(
            f"""
            DELETE FROM {TABLE} AS a
            WHERE NOT EXISTS (FROM {quote(planned_table(connected.flow))} AS p WHERE {same})
            """
        )


def approve(connected: ConnectedFlow, shown: Writes, run_id: str) -> None:
    """Lets exactly the planned rows that were counted pass. The caller holds the flow's lease.

    Raises: NotDone when the plan is another one by now.
    """
    flow = connected.flow
    if counted(everything(connected)) != shown:
        raise NotDone("The plan changed while you were looking; nothing was approved.", "Run the command again.")
    names = ", ".join(SAME)
    with connected.store.transaction() as connection:
        rows = rows_of(connection, f"SELECT part, key FROM ({_not_approved(flow)}) WHERE waits")
        connection.execute(f"CREATE TEMP TABLE fresh AS SELECT {names} FROM ({_not_approved(flow)})")
        connection.execute(f"DELETE FROM {TABLE} AS a USING fresh AS f WHERE a.part = f.part AND a.key = f.key")
        connection.execute(f"INSERT INTO {TABLE} BY NAME FROM fresh")
        for chunk in chunks_of(rows, AT_ONCE):
            moves = [Move(row["part"], row["key"], State.PLANNED, {"reason": APPROVED}) for row in chunk]
            ledger.move_within(connection, moves, run_id, clock.now())


def everything(connected: ConnectedFlow) -> Work:
    """The whole plan of a flow, in whatever windows."""
    return Work(connected, *ALWAYS, run_id="")


def _create(connection: duckdb.DuckDBPyConnection, flow: Flow) -> None:
    ledger.create(connection)
    renew_table(connection, planned_table(flow), PLANNED)
    create_table(connection, TABLE, dict.fromkeys(SAME, "VARCHAR"))


def _not_approved(flow: Flow) -> str:
    """SELECT of the rows of `_open` that nobody has approved, and that do not go on in any case."""
    return f"SELECT * FROM ({_open(flow)}) WHERE NOT is_approved AND NOT goes_on"


def _open(flow: Flow) -> str:
    """SELECT of the planned rows that would be sent and that the target has not taken yet.

    Its further columns: `is_approved`, `goes_on` (its answer was lost, or a person decided about it), `waits` (for an
    approval), `empties` (it leaves nothing of a stock), and `blocks`, which says whether the row blocks a record that
    is there (`blocked` of items and customers, API v2.0).
    """
    decided = ", ".join(map(literal, BY_PERSON))
    same = " AND ".join(f"a.{name} = p.{name}" for name in SAME)
    figure = f"try_cast(p.body ->> {literal(f'$.{flow.emptied}')} AS DECIMAL(18, 5))"
    empties = f"coalesce(p.action = 'update' AND {figure} = 0, false)" if flow.emptied else "false"
    return f"""
        SELECT
            p.*,
            a.key IS NOT NULL AS is_approved,
            coalesce(l.state = 'UNKNOWN' OR (l.state = 'PLANNED' AND l.reason IN ({decided})), false) AS goes_on,
            coalesce(l.state = 'PLANNED' AND l.reason = '{APPROVAL}', false) AS waits,
            CASE
                WHEN p.action = 'update' AND contains(p.body, '"blocked"')  -- few bodies have it, so few are parsed
                THEN coalesce(p.body ->> '$.blocked', '') NOT IN ('', ' ', 'false', '_x0020_')
                ELSE false
            END AS blocks,
            {empties} AS empties
        FROM {quote(planned_table(flow))} AS p
        LEFT JOIN ledger AS l ON l.part = p.part AND l.key = p.key
        LEFT JOIN {TABLE} AS a ON {same}
        WHERE p.action IN ({WRITES})
        AND NOT coalesce(l.state = 'CONFIRMED' AND l.hash = p.hash, false)"""


PERSONAL = (PersonalTable(TABLE, "keyed"),)
"""What these tables hold of people (staging/people/personal.py)."""

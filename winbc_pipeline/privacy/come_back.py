"""Who was erased and is in the databases again, because an older backup was restored. The marks tell (erased.py)."""

from collections.abc import Iterator

from ..settings import Settings
from ..staging.people.erased import is_marked, mark, mark_sql, marks_in
from ..staging.people.installation_key import key_in
from ..staging.store import Row, literal, quote, rows_of
from ..sync.connected import ConnectedFlow
from .person import OF_PEOPLE, Person, columns_of, completed, flows_of_people

RECORD = "record_key"


def come_back(settings: Settings) -> list[Person]:
    """All of them as one person with many ids, and one with many addresses: an address that was named means everybody
    who has it. Only those of whom something is there."""
    marks = marks_in(settings.state_folder)
    if not marks:
        return []
    key, by_id, by_address = key_in(settings.state_folder), Person(), Person(by_email=True)
    for connected in flows_of_people(settings):
        flow = connected.flow
        for row in _staged(connected, marks):
            for column, kind in flow.people.items():
                value = str(row.get(column) or "").strip().lower()
                is_one = mark(key, kind, value) in marks
                if kind == "email" and value:
                    (by_address if is_one else by_id).email.add(value)
                elif is_one:
                    by_id.of(kind).add(value)
            if flow.document or flow.lines:
                by_id.orders.setdefault(flow.id, set()).add(row[RECORD])
        if not (flow.document or flow.lines):  # there, a customer may have ordered anew after the erasing
            kind = "winstore" if flow.source == "winstore" else "number"
            by_id.of(kind).update(_in_ledger(connected, kind, marks))
    return [_completed(settings, each) for each in (by_id, by_address) if each.email or each.keys or each.orders]


def _completed(settings: Settings, person: Person) -> Person:
    """With all that belongs to the person, but without orders that are not marked: those were placed later."""
    marked = dict(person.orders)
    completed(settings, person)
    person.orders = marked
    return person


def _staged(connected: ConnectedFlow, marks: set[str]) -> list[Row]:
    """The rows that the next read would leave out, each with the key of its record as RECORD."""
    table, key = connected.staging, connected.flow.part(connected.flow.main).key
    with connected.store.open() as connection:
        if not columns_of(connection, table.name):
            return []
        where = is_marked(marks, table.marks)
        return rows_of(connection, f"SELECT *, ({key})::VARCHAR AS {RECORD} FROM {quote(table.name)} WHERE {where}")


def _in_ledger(connected: ConnectedFlow, kind: str, marks: set[str]) -> Iterator[str]:
    """Keys of customers and contacts in a ledger that are marked: erasing leaves none."""
    of_people = f"part IN ({', '.join(map(literal, OF_PEOPLE))})"
    with connected.store.open() as connection:
        if columns_of(connection, "ledger"):
            where = f"{of_people} AND ({is_marked(marks, [mark_sql(kind, 'key')])})"
            found = connection.execute(f"SELECT DISTINCT lower(trim(key)) FROM ledger WHERE {where}").fetchall()
            yield from (key for (key,) in found)

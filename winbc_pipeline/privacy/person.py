"""Whom somebody means who names an e-mail address, an id or a number, and by what the person is known in each store.

Here belongs: finding out that a customer of Winstore, a customer of Business Central and the buyer of some orders are
one person. A customer who only shares an e-mail address with the person counts only if that address was named.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from ..errors import NotDone
from ..flows import FLOWS
from ..flows.orders import GUEST_KEY, NOBODY
from ..settings import Settings
from ..staging import ledger
from ..staging.lingering import lingering
from ..staging.pairs import PAIR
from ..staging.people.installation_key import key_in, keyed
from ..staging.store import Store, create_table, literal, quote, rows_of
from ..sync.connected import ConnectedFlow

Kind = Literal["email", "winstore", "bc", "number"]
KINDS: tuple[Kind, ...] = ("winstore", "number", "bc")
OF_PEOPLE = ("customer", "contact")
"""Parts whose records are people, or companies with them."""
# Columns whose values quote a person in a text, and how short such a value may be.
TELLING, SHORTEST = re.compile("name|mail|phone|mobile|street|compan|address|vat"), 6


@dataclass
class Person:
    """By what a person is known. All texts are in small letters, without blanks at their ends.

    Attributes:
        by_email: whether the person was named by an address, so that all who have it are meant.
        emails: addresses; winstore: ids in Winstore, and keys of guests; bc: ids in Business Central; number: numbers
            there.
        orders: keys of the person's orders and documents, by the id of the flow that reads them.
        values: what quotes the person in a text.
    """

    by_email: bool = False
    email: set[str] = field(default_factory=set)
    winstore: set[str] = field(default_factory=set)
    bc: set[str] = field(default_factory=set)
    number: set[str] = field(default_factory=set)
    orders: dict[str, set[str]] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)

    def of(self, kind: str) -> set[str]:
        """What the person is known by, of one kind; `either` is the ids of both systems."""
        if kind == "either":
            return self.winstore | self.bc
        found: set[str] = getattr(self, kind)
        return found

    @property
    def keys(self) -> set[str]:
        """Keys that records of this person have in the ledgers: those of customers and contacts."""
        return self.winstore | self.bc | self.number

    def named(self) -> Iterator[tuple[str, str]]:
        """By kind and value, what keeps the person from being read again (staging/people/erased.py).

        An address counts only if it was named: a customer who shares it with the person is somebody else.
        """
        for kind in ("email", *KINDS) if self.by_email else KINDS:
            yield from ((kind, value) for value in sorted(self.of(kind)) if not value.startswith(GUEST_KEY))
        for keys in self.orders.values():
            yield from (("order", key) for key in sorted(keys))


def flows_of_people(settings: Settings) -> list[ConnectedFlow]:
    """The flows that read people, which have a database here."""
    every = [ConnectedFlow(flow, settings) for flow in FLOWS if flow.people]
    return [each for each in every if each.store.exists()]


def identify(settings: Settings, text: str) -> Person:
    """The person whom a text names: an e-mail address, an id or a number, or one of them after `winstore:`, `bc:`,
    `number:` or `email:`.

    Raises: NotDone when an id of one person is a number of another one, so that nobody knows who is meant.
    """
    with lingering():
        return completed(settings, _named(settings, text))


def completed(settings: Settings, person: Person) -> Person:
    """The same person with all ids, numbers, addresses and orders that the databases know of."""
    if person.by_email:
        _add_guests(settings, person)
        _look_round(settings, person, ("email",))
    while _look_round(settings, person, KINDS) or _look_at_links(settings, person):
        pass
    _add_guests(settings, person)
    for connected in flows_of_people(settings):
        if connected.flow.document or connected.flow.lines:
            person.orders[connected.flow.id] = set(_orders(connected, person))
    person.values |= person.email
    return person


def _named(settings: Settings, text: str) -> Person:
    kind, colon, value = text.strip().lower().partition(":")
    kinds = (*KINDS, "email")
    if not (colon and kind in kinds):
        kind, value = ("email" if "@" in text else ""), text.strip().lower()
    if not value:
        raise NotDone("No person is named.", "Name an e-mail address, an id or a number.")
    if kind:
        person = Person(by_email=kind == "email")
        person.of(kind).add(value)
        return person
    people = [(each, _alone(settings, each, value)) for each in KINDS]
    found = [(each, one) for each, one in people if one]
    if len(found) > 1:
        ways = " or ".join(f"{each}:{value}" for each, _ in found)
        raise NotDone(f"{value} is an id or a number of several people.", f"Say {ways}.")
    return found[0][1] if found and found[0][1] else Person(winstore={value}, bc={value}, number={value})


def _alone(settings: Settings, kind: Kind, value: str) -> Person | None:
    """The person with an id or number of one kind; None when nobody has it."""
    person = Person()
    person.of(kind).add(value)
    before = len(person.keys)
    found = _look_round(settings, person, (kind,)) or _look_at_links(settings, person)
    return person if found or len(person.keys) > before or _is_staged(settings, person) else None


def _is_staged(settings: Settings, person: Person) -> bool:
    return any(rows for each in flows_of_people(settings) for rows in _staged(each, person))


def _look_round(settings: Settings, person: Person, by: Iterable[str]) -> bool:
    """Adds what the rows that were read say of the person; returns whether anything was new."""
    before = _size(person)
    for connected in flows_of_people(settings):
        people = connected.flow.people
        for row in _staged(connected, person, by):
            for column, kind in people.items():
                if row.get(column) and not _is_nobody(kind, row[column]):
                    person.of(kind).add(str(row[column]).strip().lower())
            texts = ((name, str(value).strip()) for name, value in row.items() if isinstance(value, str))
            telling = (value for name, value in texts if TELLING.search(name.lower()) and len(value) >= SHORTEST)
            person.values.update(value.lower() for value in telling)
    return _size(person) != before


def _is_nobody(kind: str, value: Any) -> bool:
    return kind == "winstore" and literal(str(value).strip()) in NOBODY


def _look_at_links(settings: Settings, person: Person) -> bool:
    """Adds the partners that the pairs and the ledgers know; returns whether anything was new."""
    before = _size(person)
    store = Store.of(settings, settings.state_folder / "pairs_customers.duckdb")
    if store.exists():
        with store.open() as connection:
            create_table(connection, "pair", PAIR)
            where = f"{among('winstore_key', person.winstore)} OR {among('bc_id', person.bc)}"
            for row in rows_of(connection, f"SELECT winstore_key, bc_id, bc_no FROM pair WHERE {where}"):
                _add(person.winstore, row["winstore_key"])
                _add(person.bc, row["bc_id"])
                _add(person.number, row["bc_no"])
    for connected in flows_of_people(settings):
        flow = connected.flow
        own, there = (person.winstore, person.bc) if flow.source == "winstore" else (person.number, person.winstore)
        where = (
            f"part IN ({', '.join(map(literal, OF_PEOPLE))}) AND ({among('key', own)} OR {among('target_id', there)}"
        )
        where += f" OR {among('target_no', person.number)})" if flow.target == "bc" else ")"
        for row in ledger.read(connected.store, where):
            _add(own, row["key"])
            _add(there, row["target_id"])
            _add(person.number if flow.target == "bc" else person.winstore, row["target_no"])
    return _size(person) != before


def _add(to: set[str], value: str | None) -> None:
    if value:
        to.add(value.strip().lower())


def _add_guests(settings: Settings, person: Person) -> None:
    """The keys that guests with the person's addresses have (flows/orders.py)."""
    key = key_in(settings.state_folder)
    for email in person.email:
        plain = hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()[:12]
        person.winstore.add(f"{GUEST_KEY}{keyed(key, plain)[:12]}")


def _orders(connected: ConnectedFlow, person: Person) -> Iterator[str]:
    flow, name = connected.flow, connected.staging.name
    with connected.store.open() as connection:
        if condition := _condition(connection, connected, person):
            key = flow.part(flow.main).key
            found = connection.execute(f"SELECT DISTINCT {key} FROM {quote(name)} WHERE {condition}").fetchall()
            yield from (str(each) for (each,) in found)


def _staged(connected: ConnectedFlow, person: Person, by: Iterable[str] = ("email", *KINDS)) -> list[dict[str, Any]]:
    with connected.store.open() as connection:
        condition = _condition(connection, connected, person, by)
        return rows_of(connection, f"FROM {quote(connected.staging.name)} WHERE {condition}") if condition else []


def _condition(
    connection: duckdb.DuckDBPyConnection,
    connected: ConnectedFlow,
    person: Person,
    by: Iterable[str] = ("email", *KINDS),
) -> str:
    there = columns_of(connection, connected.staging.name)
    return staged_condition(connected.flow.people, there, person, by) if there else ""


def staged_condition(
    people: "dict[str, str] | Any", there: Iterable[str], person: Person, by: Iterable[str] = ("email", *KINDS)
) -> str:
    """SQL: whether a row that was read is about a person.

    Args:
        people: as of a flow; there: the columns of the table.
        by: the kinds of what the row may be known by.
    """
    known = {column: kind for column, kind in people.items() if column in there}
    ids = [quote(column) for column, kind in known.items() if kind == "winstore"]
    # An order that names another customer is that customer's, whatever address it has.
    nobodys = " AND ".join(f"coalesce(trim({column}), '') IN {NOBODY}" for column in ids) or "false"
    conditions = []
    for column, kind in known.items():
        if kind in by and person.of(kind):
            condition = among(column, person.of(kind))
            conditions.append(condition if kind != "email" or person.by_email else f"({condition} AND {nobodys})")
    return " OR ".join(conditions) or "false"


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The columns of a table; none when it is not there."""
    sql = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND database_name = current_database()"
    return [name for (name,) in connection.execute(sql, [table]).fetchall()]


def among(column: str, values: Iterable[str]) -> str:
    """SQL: whether a text, in small letters and without blanks at its ends, is one of some values."""
    listed = ", ".join(map(literal, sorted(values)))
    return f"coalesce(lower(trim({quote(column)}::VARCHAR)) IN ({listed}), false)" if listed else "false"


def _size(person: Person) -> int:
    return sum(len(person.of(kind)) for kind in ("email", *KINDS))

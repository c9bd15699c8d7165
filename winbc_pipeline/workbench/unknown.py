"""What a person is told of a key that nobody knows: what was looked for, where, what is written alike, what to do.

Every command that takes a key says it with these words. Here belongs: looking a key up in what was read and sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from ..errors import UnknownRecord
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, quote, rows_of
from ..sync.connected import ConnectedFlow

ALIKE, MOST = 0.88, 5  # how alike (Jaro and Winkler, 1 is the same) keys are that are named, and how many of them
FURTHER = ("gtin",)  # fields of the source, besides the keys, that people take for a key
SYSTEMS = {"winstore": "Winstore", "bc": "Business Central"}


@dataclass(frozen=True)
class Name:
    """A name by which a record is known.

    Attributes:
        name: as it is written there; `what` says what it is, such as `sku` or `number in Business Central`.
        key: the key of the record.
    """

    name: str
    what: str
    key: str


def is_known(connected: ConnectedFlow, name: str, any_case: bool = False) -> bool:
    """Whether a flow has read, or sent, a record with this key.

    Args:
        any_case: whether capitals make no difference.
    """
    same = "lower(name) = lower(?)" if any_case else "name = ?"
    return any(each.key == each.name for each in _names(connected, same, [name]))


def check_known(connected: ConnectedFlow, name: str) -> None:
    """Raises UnknownRecord when a flow has neither read nor sent a record with this key."""
    if not is_known(connected, name):
        raise unknown([connected], name)


def unknown(flows: Sequence[ConnectedFlow], name: str, what: str = "record") -> UnknownRecord:
    """The error of a key that none of some flows knows; to be raised by the caller.

    Args:
        what: what the key is one of, for people, such as SKU.
    """
    alike = [each for connected in flows for each in _alike(connected, name)]
    words = f"There is no {what} {name}: it is neither among what {_where(flows)}."
    plan = " or ".join(f"`winbc plan {each.flow.id}`" for each in flows)
    return UnknownRecord(f"{words}{_similar(alike)}", f"If it is written as you mean it, read the source: {plan}.")


def _where(flows: Sequence[ConnectedFlow]) -> str:
    read = " and ".join(
        f"{each.flow.id} has read of {SYSTEMS[each.flow.source]} ({each.flow.entity})" for each in flows
    )
    return f"{read} nor in {'its ledger' if len(flows) == 1 else 'their ledgers'}"


def _similar(found: Sequence[Name]) -> str:
    """Near matches in words, each key once."""
    named = {each.key: each for each in reversed(found)}
    words = [each.key if each.name == each.key else f"{each.key} ({each.what} {each.name})" for each in named.values()]
    return f" There is {', '.join(reversed(words[-MOST:]))}." if words else ""


def _alike(connected: ConnectedFlow, name: str) -> list[Name]:
    """The names that differ from a name in capitals, blanks, signs or a few letters, the nearest first."""
    plain = "regexp_replace(lower(strip_accents({})), '[^a-z0-9]', '', 'g')"
    known, asked = plain.format("name"), plain.format("?")
    same = f"({known} = {asked} OR ltrim({known}, '0') = ltrim({asked}, '0'))"
    nearness = f"CASE WHEN {same} THEN 2 ELSE jaro_winkler_similarity({known}, {asked}) END"
    rest = f"{nearness} >= {ALIKE} ORDER BY {nearness} DESC, name LIMIT {MOST}"
    return list(_names(connected, rest, [name] * rest.count("?")))


def _names(connected: ConnectedFlow, where: str, values: list[str]) -> Iterator[Name]:
    """The names of a flow's records that meet a condition."""
    if not connected.store.exists():
        return
    with connected.store.open() as connection:
        ledger.create(connection)
        create_staging(connection, connected.staging)
        known = " UNION ALL ".join(_selects(connection, connected))
        found: list[Row] = rows_of(
            connection, f"SELECT DISTINCT name, what, key FROM ({known}) WHERE name IS NOT NULL AND {where}", values
        )
    yield from (Name(row["name"], row["what"], row["key"]) for row in found)


def _selects(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow) -> Iterator[str]:
    """SELECTs of `name, what, key`: of what was read, and of what the ledger knows."""
    flow, staging = connected.flow, connected.staging
    # People name a document by its header. Its customers have keys of their own, and may be known by their e-mail.
    parts = connected.parts if not flow.document else (flow.part(flow.document.kind(connected.settings).header),)
    main = parts[0].key if flow.document else flow.part(flow.main).key
    names = {part.key: "key" for part in parts} | {quote(name): name for name in FURTHER if name in staging.fields}
    for name, what in names.items():
        key = name if what == "key" else main
        yield f"SELECT {name} AS name, '{what}' AS what, {key} AS key FROM {quote(staging.name)}"
    sent = "true" if not flow.document else f"part = '{flow.main}'"
    numbers = {"key": "key", "reference": "reference", "target_no": f"number in {SYSTEMS[flow.target]}"}
    for name, what in numbers.items():
        yield f"SELECT {name} AS name, '{what}' AS what, key FROM ledger WHERE {sent}"

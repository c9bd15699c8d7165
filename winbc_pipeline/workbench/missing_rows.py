"""What the tables cannot translate of the staged records, or leave out. `winbc check` tells it.

Rates, methods, countries and kinds of position are no personal data, so they are named. VAT numbers and addresses are
counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ..mapping.compiler import Compiled
from ..mapping.execute import fill_joined_tables
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import literal, lock_down, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.map import create_source_view, mapping_connection
from ..sync.records.beside import dimensions_of
from ..sync.records.beside.dimensions import Dimension
from ..systems.business_central import BusinessCentral
from ..systems.business_central.facts import is_beside
from ..systems.facts import DIMENSION, SHIP_TO

NAMED = 10  # values of a lookup table that are named
LEAVES_OUT = "vat_number"  # the function that gives nothing for a value that is not valid
Sources = Iterator[tuple[str, Compiled]]


def missing_rows(connected: ConnectedFlow) -> list[str]:
    """In words, for each lookup table: the values that staged records have and the table does not, most frequent first.

    Raises: MappingError for tables that are wrong.
    """
    counted: dict[str, dict[str, int]] = {}
    with _staged(connected) as (connection, sources):
        for _, own in sources:
            broken = f"SELECT unnest(errors, recursive := true) FROM ({own.select}) WHERE skip_reason IS NULL"
            for row in rows_of(
                connection,
                f"""
                SELECT regexp_extract(rule, '^not in lookup table (.+)$', 1) AS lookup, given, count(*) AS records
                FROM ({broken})
                WHERE lookup <> ''
                GROUP BY ALL
                """,
            ):
                values = counted.setdefault(row["lookup"], {})
                values[row["given"]] = max(row["records"], values.get(row["given"], 0))
    return [_in_words(lookup, values) for lookup, values in sorted(counted.items())]


def missing_dimension_values(connected: ConnectedFlow, target: BusinessCentral) -> list[str]:
    """In words, for each row that fills a dimension: the values of staged records that Business Central does not have.

    Raises: MappingError for tables that are wrong; WinbcError when Business Central does not answer.
    """
    counted: dict[str, dict[str, int]] = {}
    with _staged(connected) as (connection, sources):
        tables = [(part, own, _codes_of_dimensions(connection, own)) for part, own in sources]
    for part, own, codes in tables:
        dimensions = dimensions_of(own, connected.flow.part(part), target)
        places = {row.facts.name: row.line.place for row in own.targets}
        for name, values in codes.items() if dimensions else ():
            there = dimensions.known[name] if dimensions else Dimension()
            for code, records in values.items():
                if there.id and code.upper() not in there.values:  # without its dimension: readiness.py
                    what = f"{places[name]}: {name.replace('.', ' ')}"
                    lacking = counted.setdefault(what, {})
                    lacking[code] = lacking.get(code, 0) + records
    return [f"{what} has no {_most_first(values)}, which staged records have" for what, values in counted.items()]


def _codes_of_dimensions(connection: duckdb.DuckDBPyConnection, own: Compiled) -> dict[str, dict[str, int]]:
    """The dimension values that a table makes of staged records, by field; of each the number of records."""
    names = [row.facts.name for row in own.targets if is_beside(row.facts.name, DIMENSION)]
    found: dict[str, dict[str, int]] = {}
    for name in dict.fromkeys(names):
        path = literal(f'$."{name}"')
        rows = rows_of(
            connection,
            f"""
            SELECT coalesce(updates ->> {path}, creates ->> {path}) AS code, count(*) AS records
            FROM ({own.select})
            WHERE skip_reason IS NULL
            GROUP BY ALL
            """,
        )
        found[name] = {row["code"]: row["records"] for row in rows if row["code"]}
    return found


def left_out(connected: ConnectedFlow) -> list[str]:
    """In words, for each table: how many staged records have a VAT number that is left out because it is not valid.

    Raises: MappingError for tables that are wrong.
    """
    found = []
    with _staged(connected) as (connection, sources):
        for part, own in sources:
            asked = [step for step in own.steps if step.function and step.function.name == LEAVES_OUT]
            given = [f"(coalesce({next(iter(step.columns))}, '') <> '' AND __v{step.number} = '')" for step in asked]
            wrong = " OR ".join(given) or "false"
            count = f"SELECT count(*) AS records FROM ({own.base}) WHERE skip_reason IS NULL AND ({wrong})"
            if records := rows_of(connection, count)[0]["records"]:
                found.append(
                    f"{part}: {records} staged records have a VAT number that is not valid; it is left out "
                    "(vat_number gives nothing for it)"
                )
    return found


def pictures_not_carried(connected: ConnectedFlow) -> list[str]:
    """In words, how many staged records have a further picture that no flow carries, such as that of a variant."""
    pictures = [part.picture for part in connected.parts if part.picture]
    fields = [each.not_carried for each in pictures if each.not_carried in connected.staging.fields]
    if not fields:
        return []
    with connected.store.open() as connection:
        create_staging(connection, connected.staging)
        some = " OR ".join(f"{quote(field)} IS NOT NULL" for field in fields)
        counted = rows_of(connection, f"SELECT count(*) AS records FROM {quote(connected.staging.name)} WHERE {some}")
    count = counted[0]["records"]
    return [f"variants with a picture of their own, which is not carried: {count}"] if count else []


def not_carried(connected: ConnectedFlow) -> list[str]:
    """In words, for each table: how many staged records have a further address, for which the target has no room.

    An address that says the same as the one that is sent is none. Where the table fills delivery addresses of the
    companion app, none is counted: what is missing for them is said of these fields (readiness.py).
    Raises: MappingError for tables that are wrong.
    """
    found = []
    with _staged(connected) as (connection, sources):
        for part, own in sources:
            address = connected.flow.part(part).address
            further = address.uncarried if address else {}
            fields = {name for names in further.values() for name in names}
            if not fields or not fields <= connected.staging.fields.keys():
                continue
            if any(is_beside(row.facts.name, SHIP_TO) for row in own.targets):
                continue
            theirs = {name: f"lower(trim(concat_ws(' ', {', '.join(names)})))" for name, names in further.items()}
            sent = [f"lower(trim(coalesce(m.creates ->> '$.{name}', '')))" for name in theirs]
            same = " AND ".join(f"{one} = {other}" for one, other in zip(theirs.values(), sent, strict=True))
            given = " OR ".join(f"{name} IS NOT NULL" for name in sorted(fields))
            count = f"""
                SELECT count(*) AS records
                FROM ({own.select}) AS m
                JOIN source AS s ON s._key = m._key
                WHERE m.skip_reason IS NULL AND ({given}) AND NOT ({same})"""
            if records := rows_of(connection, count)[0]["records"]:
                found.append(
                    f"{part}: {records} staged records have a delivery address other than the address that is sent; "
                    "customers have one address in API v2.0, so it stays in Winstore (their orders name it); with the "
                    "companion app, rows `shipTo.…` send it"
                )
    return found


@contextmanager
def _staged(connected: ConnectedFlow) -> Iterator[tuple[duckdb.DuckDBPyConnection, Sources]]:
    """A connection, and the flow's parts and tables one by one; of each, `source` has the staged records."""
    compiled, staging = connected.checked(), connected.staging

    def sources() -> Sources:
        for part in connected.parts:
            own = compiled[part.name]
            create_source_view(connection, part, own, staging.name, "true")
            fill_joined_tables(connection, own.steps, own.lookups)
            yield part.name, own

    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        lock_down(connection)
        yield connection, sources()


def _in_words(lookup: str, values: dict[str, int]) -> str:
    """The values without a row, each with the number of its records."""
    return (
        f"lookups/{lookup}.csv has no row for {_most_first(values)}, which staged records have; they fail until it has"
    )


def _most_first(values: dict[str, int]) -> str:
    """Values, each with the number of its records."""
    most_first = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(f"{value} ({records} records)" for value, records in most_first[:NAMED])
    return named + (f" and {len(most_first) - NAMED} more" if len(most_first) > NAMED else "")

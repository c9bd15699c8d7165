"""The values of staged records that the lookup tables have no row for. `winbc check` names them before a record fails.

Rates, methods, countries and kinds of position are no personal data, so they are named.
"""

from ..mapping.execute import fill_joined_tables
from ..staging.load import create as create_staging
from ..staging.store import lock_down, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.map import create_source_view, mapping_connection

NAMED = 10  # values of a lookup table that are named


def missing_rows(connected: ConnectedFlow) -> list[str]:
    """In words, for each lookup table: the values that staged records have and the table does not, most frequent first.

    Raises: MappingError for tables that are wrong.
    """
    counted: dict[str, dict[str, int]] = {}
    compiled, staging = connected.checked(), connected.staging
    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        lock_down(connection)
        for part in connected.parts:
            own = compiled[part.name]
            create_source_view(connection, part, own, staging.name, "true")
            fill_joined_tables(connection, own.steps, own.lookups)
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


def _in_words(lookup: str, values: dict[str, int]) -> str:
    """The values without a row, each with the number of its records."""
    most_first = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(f"{value} ({records} records)" for value, records in most_first[:NAMED])
    more = f" and {len(most_first) - NAMED} more" if len(most_first) > NAMED else ""
    return f"lookups/{lookup}.csv has no row for {named}{more}, which staged records have; they fail until it has"

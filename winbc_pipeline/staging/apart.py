"""Which records of the two systems a person has said are not the same. No plan makes a pair of them again.

Here belongs: the table, one file per connection and entity, beside that of the pairs. Lost pairs are found out again; a
person's decision cannot be, so it has a file of its own.
"""

from collections.abc import Collection

from .. import clock
from ..settings import Settings
from .pairs import KEYS
from .people.personal import PersonalTable
from .store import Store, create_table, insert_rows, quote, rows_of

APART = {"part": "VARCHAR", "winstore_key": "VARCHAR", "bc_id": "VARCHAR", "decided_at": "TIMESTAMPTZ"}
UNIQUE = (("part", *KEYS.values()),)
NOBODY: frozenset[str] = frozenset()


class Apart:
    """The decisions about the records of one entity in one connection.

    Args:
        name: the entity, such as `customers`.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        path = settings.data_folder / settings.connection / f"apart_{name}.duckdb"
        self.store = Store.of(settings, path)

    def note(self, part: str, ids: dict[str, str]) -> None:
        """Notes that two records are not the same.

        Args:
            part: the name of the part, as the pairs have it.
            ids: the own id of each of the two, by system (winstore, bc).
        """
        self.take_back(part, ids)
        row = {"part": part, "decided_at": clock.now(), **{KEYS[system]: own for system, own in ids.items()}}
        with self.store.open() as connection:
            create_table(connection, "apart", APART, unique=UNIQUE)
            insert_rows(connection, "apart", APART, [row])

    def take_back(self, part: str, ids: dict[str, str]) -> None:
        """Forgets the decision about two records. The arguments are those of `note`."""
        if not self.store.exists():
            return
        with self.store.open() as connection:
            create_table(connection, "apart", APART, unique=UNIQUE)
            connection.execute(
                "DELETE FROM apart WHERE part = ? AND winstore_key = ? AND bc_id = ?",
                [part, ids["winstore"], ids["bc"]],
            )

    def partners(self, part: str, system: str, ids: Collection[str]) -> dict[str, frozenset[str]]:
        """The ids, in the other system, of those that records are not; only records of whom a person has said it.

        Args:
            system: the system of the records: winstore or bc.
            ids: their ids there.
        """
        if not ids or not self.store.exists():
            return {}
        other = next(column for name, column in KEYS.items() if name != system)
        with self.store.open() as connection:
            create_table(connection, "apart", APART, unique=UNIQUE)
            rows = rows_of(
                connection,
                f"""
                SELECT {quote(KEYS[system])} AS own, list({quote(other)}) AS others
                FROM apart
                WHERE part = ? AND own IN (SELECT unnest(?::VARCHAR[]))
                GROUP BY ALL
                """,
                [part, list(ids)],
            )
        return {row["own"]: frozenset(row["others"]) for row in rows}


PERSONAL = (PersonalTable("apart", "ids", {"winstore_key": "winstore", "bc_id": "bc"}),)
"""What these tables hold of people (staging/people/personal.py)."""

"""How what is stored says what it holds of people: each module declares its own tables and files with these.

Here belongs: the words of a declaration, and who a person is to a database. Finding, exporting and erasing:
privacy/. A table or file that nobody has declared fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

How = Literal["staged", "keyed", "kept", "ids", "texts", "passing", "nothing"]
HowFile = Literal["database", "passing", "copies", "backups", "runs", "nothing"]


@dataclass(frozen=True)
class PersonalTable:
    """What a table holds of people.

    Attributes:
        name: its name, or a pattern such as `staging_*`.
        how: how the rows of a person are told, and what becomes of them:
            `staged` by the fields of the source that a flow names (Flow.people); they are deleted.
            `keyed` by `key`; they are deleted.
            `kept` by `part` and `key`: rows of customers and contacts are deleted. Those of documents stay without the
            columns in `columns`, because they keep an order from being sent twice.
            `ids` by the columns in `columns`, each with the kind of its ids; they are deleted.
            `texts`: the columns in `columns` hold words; they are emptied where they quote the person.
            `passing`: the next run makes all rows again; they are deleted, whoever is erased.
            `nothing`: no row says anything of a person.
        columns: see `how`; values are kinds of ids, or empty.
    """

    name: str
    how: How
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PersonalFile:
    """What files in the folder of a connection hold of people.

    Attributes:
        name: path below that folder, or a pattern such as `*.lock`.
        how: `database`: its tables tell. `passing`: it holds what is just being worked on, and is deleted. `copies`: of
            databases from before an upgrade or a restore; they are deleted. `backups`: each is written anew without the
            person. `runs`: Dagster's storage; runs that quote the person are deleted. `nothing`.
    """

    name: str
    how: HowFile


def nothing(*names: str) -> tuple[PersonalTable, ...]:
    """Tables that say nothing of a person."""
    return tuple(PersonalTable(name, "nothing") for name in names)


def table_named(name: str, declared: tuple[PersonalTable, ...]) -> PersonalTable | None:
    """The declaration of a table; None when there is none."""
    return next((each for each in declared if fnmatchcase(name, each.name)), None)


def file_named(path: str, declared: tuple[PersonalFile, ...]) -> PersonalFile | None:
    """The declaration of a file, by its path below the connection's folder; None when there is none."""
    return next((each for each in declared if fnmatchcase(path, each.name)), None)

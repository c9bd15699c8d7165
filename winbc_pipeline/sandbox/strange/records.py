"""The records of an odd shop while it is made, with what is odd about each."""

from dataclasses import dataclass, field
from random import Random

from ..retail_tables import Row


@dataclass
class Odd:
    """A record as it is made: its row, the lines of an order, and what is odd about it.

    Attributes:
        defects: for these it may be held, with a reason.
        oddities: with these it must arrive all the same.
    """

    row: Row
    lines: list[Row] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)


@dataclass
class Records:
    """What a shop has so far, and what changes of it within a week.

    Attributes:
        longest: the most lines that an order has.
        changes: of customers.
        edits: of SKUs.
        gained: rows of SKUs that articles gain.
    """

    longest: int
    customers: list[Odd] = field(default_factory=list)
    articles: list[Odd] = field(default_factory=list)
    orders: list[Odd] = field(default_factory=list)
    changes: list[tuple[Odd, Row]] = field(default_factory=list)
    edits: list[tuple[Odd, Row]] = field(default_factory=list)
    gained: list[Row] = field(default_factory=list)


def another(records: list[Odd], record: Odd, chance: Random) -> Odd | None:
    """Another record of its kind, with nothing odd yet."""
    plain = [each for each in records if each is not record and not each.defects + each.oddities]
    return chance.choice(plain) if plain else None

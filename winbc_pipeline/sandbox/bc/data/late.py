"""Transactions that are committed long after their writes, as that of a long posting is in Business Central.

A write gets its moment and its row version when it is made, and others see it from the commit on. While the transaction
is open, nothing that is written after its beginning has a row version below the minimum active one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...records import Record
from .company import ROW_VERSION, Company

AT_MOST = 1000  # writes of one transaction


@dataclass(frozen=True)
class Begun:
    """A transaction that is open: when it began, the row versions of its writes, and what it does."""

    moment: str
    versions: range
    asked: Record


def begin(company: Company, asked: Record) -> int:
    """Begins a transaction that does what is asked; returns its number."""
    last = company.records.next_value(ROW_VERSION, AT_MOST)
    versions = range(last - AT_MOST + 1, last + 1)
    company.begun[versions.start] = Begun(company.now(), versions, asked)
    return versions.start


@contextmanager
def committing(company: Company, number: object) -> Iterator[Record]:
    """What a transaction does. The writes of the block are of its beginning. Raises LookupError without one."""
    if not isinstance(number, int) or number not in company.begun:
        raise LookupError("no such transaction is open")
    begun = company.begun[number]
    company.written_at, company.row_versions = begun.moment, iter(begun.versions)
    try:
        yield begun.asked
    finally:
        company.written_at, company.row_versions = "", None
    del company.begun[number]


def minimum_active(company: Company) -> tuple[int, int]:
    """The row version below which no transaction is open, and the last one that was given."""
    row = company.records.db.execute("SELECT last FROM counter WHERE name = ?", (ROW_VERSION,)).fetchone()
    last = int(row[0]) if row else 0
    return min(company.begun, default=last + 1), last

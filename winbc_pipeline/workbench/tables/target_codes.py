"""Which codes that mapping tables give are not in Business Central: tax groups, payment terms, countries and so on.

Here belongs: asking for its codes, and finding what it lacks. Which values a table gives: table_values.py.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from ...errors import WinbcError
from ...mapping.compiler import Compiled, CompiledLine
from ...settings import Settings
from ...sync.records.target.references import IdsByCode
from ...systems.business_central import BusinessCentral
from .table_values import codes_of

# Fields that hold a code itself, not the id of a record, and the entity set that has the code.
SETS_BY_FIELD = {
    "taxCode": "taxGroups",
    "currencyCode": "currencies",
    "salesperson": "salespeoplePurchasers",
    "salespersonCode": "salespeoplePurchasers",
}
KEPT = timedelta(minutes=1)  # codes are asked for again after that, and so is a target that did not answer


@dataclass(frozen=True)
class Lacking:
    """Codes of one row of a mapping table that the target does not have.

    Attributes:
        entity_set: which would have them.
        place: what gives them: `column default`, `column source` or `lookups/NAME.csv`.
    """

    row: CompiledLine
    entity_set: str
    place: str
    codes: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.row.line.place}: {self.entity_set} has no {', '.join(self.codes)} ({self.place})"


class TargetCodes:
    """The codes that Business Central has. Each list is asked for once, when it is first needed."""

    def __init__(self, target: BusinessCentral) -> None:
        self.target, self.codes = target, IdsByCode(target)

    @cached_property
    def own_currency(self) -> set[str]:
        """The code of the company's own currency. `currencies` does not list it: documents in it have no code."""
        setup = self.target.get("generalLedgerSetup")
        return {str(each.get("localCurrencyCode") or "").upper() for each in setup}

    def lacks(self, entity_set: str, code: str) -> bool:
        """Whether the entity set has no such code. An empty code is never missing."""
        own = self.own_currency if entity_set == "currencies" else set()
        return bool(code) and code.upper() not in {*self.codes[entity_set], *own}


def lacking(tables: Iterable[Compiled], there: TargetCodes) -> Iterator[Lacking]:
    """The codes that tables give and the target does not have; raises WinbcError when it does not answer."""
    for compiled in tables:
        for row in compiled.targets:
            entity_set = row.facts.reference or SETS_BY_FIELD.get(row.facts.name)
            for place, codes in codes_of(row, compiled) if entity_set else ():
                if gone := tuple(sorted(code for code in codes if there.lacks(str(entity_set), code))):
                    yield Lacking(row, str(entity_set), place, gone)


class _Kept:
    """The codes of each connection's target, for a minute; None for a target that did not answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[Path, tuple[datetime, TargetCodes | None]] = {}

    def lacking(self, settings: Settings, tables: list[Compiled], now: datetime) -> list[Lacking]:
        with self.lock:
            asked_at, there = self.known.get(settings.state_folder, (datetime.min.replace(tzinfo=now.tzinfo), None))
            try:
                if now - asked_at >= KEPT:
                    if there:
                        there.target.close()
                    there = TargetCodes(BusinessCentral(settings, tries=1))
                    self.known[settings.state_folder] = now, there
                return list(lacking(tables, there)) if there else []
            except WinbcError:
                self.known[settings.state_folder] = now, None
                return []


_kept = _Kept()


def lacking_now(settings: Settings, tables: Iterable[Compiled], now: datetime) -> list[Lacking]:
    """The same by what the target had within the last minute; nothing while it does not answer."""
    return _kept.lacking(settings, list(tables), now)

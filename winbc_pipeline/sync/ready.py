"""What a flow needs in Business Central before its first run: codes that its tables give, debtors and accounts that the
settings name. `winbc check` asks; nothing is written.

Posting groups are not in API v2.0: a new customer gets them from Business Central's own template for API customers, and
what lacks there is told by Business Central when the first document is made.
"""

from collections.abc import Iterator

from ..errors import ConfigurationError
from ..mapping.compiler import Compiled, Target
from ..settings import Settings
from ..systems.business_central import BusinessCentral
from .flow import Flow
from .map import checked_flow, compile_flow
from .plan import IdsByCode


def check_ready(flow: Flow, settings: Settings, target: BusinessCentral) -> str:
    """Raises ConfigurationError naming everything that is missing; returns what was looked at, in words."""
    problems = list(_missing_codes(flow, settings, target))
    if flow.document:
        problems += _missing_debtors(settings, target)
    if problems:
        raise ConfigurationError("; ".join(problems), "Add it in Business Central, or mend the table or setting.")
    return "codes of the lookup tables" + (", debtors and accounts of the settings" if flow.document else "")


def needs_app(flow: Flow, settings: Settings) -> Iterator[str]:
    """Rows of the tables that fill what the target takes only with the companion app, in words."""
    for part, compiled in checked_flow(flow, settings).items():
        for row in compiled.targets:
            if row.facts.needs_app:
                place = f"{flow.id}/{flow.part(part).table} row {row.line.row}"
                words = "needs the companion app, which is off; orders that fill it fail with NEEDS_APP"
                yield f"{place}: {row.facts.name} {words}"


def _missing_codes(flow: Flow, settings: Settings, target: BusinessCentral) -> Iterator[str]:
    compiled = compile_flow(flow, settings)
    active = [(part, compiled[part.name]) for part in flow.active(settings)]
    ids = IdsByCode(target)
    for part, each in active:
        for row in each.targets:
            for table, codes in _codes(row, each):
                gone = sorted(code for code in codes if code and code.upper() not in ids[row.facts.reference or ""])
                if gone:
                    yield f"{part.table} row {row.line.row}: {row.facts.reference} has no {', '.join(gone)} ({table})"


def _codes(row: Target, compiled: Compiled) -> Iterator[tuple[str, set[str]]]:
    """The codes that a row for a reference may give, by the lookup table or cell that they stand in."""
    if row.facts.reference:
        yield "column default", {row.line.default}
        for name, values in compiled.lookups.items():
            if f"'{name}'" in row.line.source:
                yield f"lookups/{name}.csv", set(values.values())


def _missing_debtors(settings: Settings, target: BusinessCentral) -> Iterator[str]:
    orders = settings.orders
    numbers = {orders.default_customer, *orders.default_customers_by_country.values()} - {""}
    there = target.find("customers", "number", numbers, False)
    for number in sorted(numbers):
        if number not in there:
            yield f"the default customer {number} is not there"
        elif there[number][0].get("blocked") not in (None, "", "_x0020_"):
            yield f"the default customer {number} is blocked"
    if orders.rounding_account and not target.find("accounts", "number", {orders.rounding_account}, False):
        yield f"the rounding account {orders.rounding_account} is not there"

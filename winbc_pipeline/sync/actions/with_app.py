"""What only the companion app does with an order: it releases it, and ships it without an invoice.

Both may be asked for again: an order that is released stays so, and a shipment takes each line up to a quantity in all,
so what was shipped already is not shipped again. A lost answer is therefore asked for again at once. The actions:
facts/companion_app.json, salesOrderSettings.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property

from ...settings import Settings
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ...systems.business_central.client import dumps
from ...systems.business_central.companion import ABSENT, Companion, companion_of
from ..documents.changes import operation
from ..documents.decide import TRIES, Choice
from ..documents.existing import ORDER, Found

RELEASE, SHIP = "release", "ship"  # as tables name them
PLANNED = {RELEASE: "release", SHIP: "deliver"}  # as plan and ledger name them: their `ship` is shipAndInvoice
SETTINGS, QUANTITIES = "salesOrderSettings", "quantities"
SHIPS_SINCE = "1.1.0.0"  # the version of the app that ships up to a quantity
Wanted = Mapping[str, str | None]


class WithApp:
    """The actions of the companion app in one company."""

    def __init__(self, settings: Settings, target: BusinessCentral) -> None:
        self.settings, self.target = settings, target

    @cached_property
    def _companion(self) -> Companion | None:
        return companion_of(self.target, self.settings)

    def lacks(self, action: str) -> str:
        """In words, why an action cannot be done; empty when it can. Raises WinbcError without an answer."""
        if not self._companion:
            return f'{action} needs the companion app, and `bc.companion_app` is "off"'
        offers = self._companion.offers
        if not offers.can(SETTINGS, write=True):
            return f"{action} needs the companion app: {'; '.join(offers.gaps) or ABSENT}"
        if action == SHIP and not offers.is_of(SHIPS_SINCE):
            return f"{action} needs version {SHIPS_SINCE} of the companion app; {offers.version} is installed"
        return ""

    def choice(self, row: Row, wanted: Wanted, found: Found, was_lost: bool) -> Choice:
        """What is done to a document.

        Args:
            row: the status, with what the ledger knows of it.
            wanted: its mapped fields.
            found: the document, with its lines where quantities are wanted.
            was_lost: whether the answer to an action was lost.
        """
        action = str(wanted["action"])
        if found.entity_set != ORDER and not found.is_posted:
            return Choice("skip", "NO_ACTION", "an invoice is neither released nor shipped")
        try:
            in_all = _by_line(wanted.get(QUANTITIES) or "", found) if action == SHIP else {}
        except ValueError as error:
            return Choice("fail", "MAPPING", f"status.csv, quantities: {error}")
        if found.entity_set != ORDER or _is_done(action, found, in_all):
            return Choice("adopt", "RECONCILED" if was_lost else "UNCHANGED", None, found)
        if gap := self.lacks(action):
            return Choice("skip", "HELD", gap)
        if was_lost and row["state"] == "UNKNOWN" and (row["attempt_no"] or 1) >= TRIES:
            return Choice("human", "TRIED_OUT", f"asked {TRIES} times without an answer")
        body = {QUANTITIES: _as_json(in_all)} if action == SHIP else {}
        name = "shipUpTo" if action == SHIP else RELEASE
        call = operation("POST", f"{SETTINGS}({found.record['id']})/Microsoft.NAV.{name}", body)
        return Choice(PLANNED[action], None, None, found, [_effect(action, found, in_all)], [call])


def _is_done(action: str, order: Found, in_all: Mapping[int, Decimal]) -> bool:
    if action == RELEASE:
        return not order.is_open
    if not in_all:
        return bool(order.record["fullyShipped"])
    return all(line["shippedQuantity"] >= in_all.get(line["sequence"], 0) for line in order.lines)


def _by_line(quantities: str, order: Found) -> dict[int, Decimal]:
    """What is shipped of each line in all, by the line's sequence. Empty: all of every line.

    Several lines of one item are filled in their order. Raises ValueError, in words, for what the order does not have.
    """
    in_all: dict[int, Decimal] = {}
    for number, quantity in _quantities(quantities).items():
        left = quantity
        lines = [line for line in order.lines if line["lineObjectNumber"] == number]
        for line in sorted(lines, key=lambda line: int(line["sequence"])):
            in_all[line["sequence"]] = min(left, line["quantity"])
            left -= in_all[line["sequence"]]
        if left:
            raise ValueError(
                f"{format(quantity, 'f')} of {number} are {format(left, 'f')} more than {order.number} has"
            )
    return in_all


def _quantities(text: str) -> dict[str, Decimal]:
    """`SKU-1=2; SKU-2=1.5` as quantities by the numbers of items; those of one item in all.

    Raises: ValueError for anything else.
    """
    found: dict[str, Decimal] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        number, _, written = part.rpartition("=")
        try:
            quantity = Decimal(written)
        except InvalidOperation:
            quantity = Decimal("NaN")
        if not number.strip() or not quantity.is_finite() or quantity < 0:
            raise ValueError(f"{part} is not an item's number, = and a quantity")
        found[number.strip()] = found.get(number.strip(), Decimal(0)) + quantity
    return found


def _as_json(in_all: Mapping[int, Decimal]) -> str:
    lines = [{"sequence": sequence, "quantity": quantity} for sequence, quantity in sorted(in_all.items())]
    return dumps(lines).decode() if lines else ""


def _effect(action: str, order: Found, in_all: Mapping[int, Decimal]) -> Row:
    words = "released" if action == RELEASE else "shipped"
    if in_all:
        words += " up to " + ", ".join(f"{each:f} of line {line}" for line, each in sorted(in_all.items()))
    return {"field": "document", "old": order.number, "new": words}

"""The stock of Business Central by item and variant, as the companion app tells it, a query for each part of a figure.

Here belongs: the queries, and the locations that count. What becomes of the sums: flows/stock/of_bc.py and
bc_stock.py. The contract of the app: facts/companion_app.json.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from ...errors import ConfigurationError
from ...settings import Settings
from ...systems.business_central import BusinessCentral
from ...systems.business_central.companion import ABSENT, Capabilities, app_client, capabilities
from ..reading.read_bc import MODIFIED, NEVER, changed_since

LEVELS, DEMANDS, RESERVED = "inventoryLevels", "salesDemands", "reservedStocks"
LOG = "stockChanges"
DRAFT = "Open"  # what the app calls an order that API v2.0 calls a draft
Place = tuple[str, str]  # an item's number, and the code of its variant or nothing
Sums = dict[Place, Decimal]


class AppStock:
    """The companion app of one company, which tells its stock.

    Args:
        app: a client of the app's API.
        found: what the app offers; its levels and demands can be read.
    """

    def __init__(self, app: BusinessCentral, settings: Settings, found: Capabilities) -> None:
        self.app, self.settings, self.found = app, settings, found

    def on_hand(self, numbers: Collection[str] | None = None) -> Sums:
        """What is there of some items, or of all."""
        if numbers is None:
            return self._sums(self.app.get(LEVELS))
        found = self.app.find(LEVELS, "itemNumber", numbers, False)
        return self._sums(row for rows in found.values() for row in rows)

    def on_orders(self) -> Sums:
        """What sales orders still ask for, in base units; drafts where the settings say so."""
        drafts = self.settings.stock.drafts
        return self._sums(row for row in self.app.get(DEMANDS) if drafts or row["orderStatus"] != DRAFT)

    def reserved(self) -> Sums:
        """What is reserved of the stock. Raises ConfigurationError when the app cannot tell it."""
        if not self.found.can(RESERVED):
            words = "Reserved quantities need reservedStocks of the companion app, which is not there."
            raise ConfigurationError(words, "; ".join(self.found.gaps))
        return self._sums(self.app.get(RESERVED))

    def changed(self, since: datetime) -> dict[str, datetime]:
        """The items whose stock or sales orders changed at or after a moment, each with the moment of its last change.

        The log has what changed while the app was installed.
        """
        if since >= NEVER or not self.found.can(LOG):
            return {}
        rows = self.app.get(f"{LOG}?$filter={changed_since(since)}&$select=itemNumber,{MODIFIED}")
        moments: dict[str, datetime] = {}
        for row in sorted(rows, key=lambda row: str(row[MODIFIED])):
            moments[row["itemNumber"]] = datetime.fromisoformat(row[MODIFIED])
        return moments

    def _sums(self, rows: Iterable[dict[str, Any]]) -> Sums:
        """The quantities by item and variant, over the locations that count."""
        counted, sums = set(self.settings.stock.locations), Sums()
        for row in rows:
            if not counted or row["locationCode"] in counted:
                place = row["itemNumber"], row["variantCode"]
                sums[place] = sums.get(place, Decimal(0)) + row["quantity"]
        return sums


@contextmanager
def app_stock(settings: Settings, needed_for: str = "") -> Iterator[AppStock | None]:
    """The app that tells stock, until the block ends; None without it.

    Args:
        needed_for: what cannot be told without the app, in words; empty when nothing is.

    Raises: ConfigurationError when the app is needed and not there.
    """
    if settings.bc.companion_app == "off":
        _check(needed_for, ('`bc.companion_app` is "off"',))
        yield None
        return
    app = app_client(settings)
    try:
        found = capabilities(app)
        can = found.can(LEVELS) and found.can(DEMANDS)
        _check("" if can else needed_for, found.gaps or (ABSENT,))
        yield AppStock(app, settings, found) if can else None
    finally:
        app.close()


def _check(needed_for: str, gaps: tuple[str, ...]) -> None:
    if needed_for:
        hint = "Install it, or take this out (docs/companion-app.md)."
        raise ConfigurationError(f"{needed_for} needs the companion app: {'; '.join(gaps)}.", hint)

"""The stock of Business Central as a target. With the companion app, figures are posted as differences, once by a key.

Here belongs: how a figure lands with the app. Without it, the figure itself is written to the item (records/push.py).

What is posted is the wanted figure less the live one, and the two must be of one moment (sending.py). Then a sale that
happens meanwhile is not written over: it is taken off both figures. The key is the id of the attempt in the ledger. The
app posts a key once, so a lost answer is asked for again, and nothing is posted that was not inserted before.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from ...errors import ConfigurationError, UnreadableAnswer
from ...settings import Settings
from ...staging import ledger
from ...staging.store import Row, Store
from ...systems.business_central import BusinessCentral, Operation, Result
from ...systems.business_central.batch import NOT_KNOWN
from .app_stock import AppStock, app_stock

ADJUSTMENTS, ITEMS, INVENTORY = "stockAdjustments", "items", "inventory"
VARIANT = ("id", "itemNumber", "code")
OF_ITEM = ("type", "blocked", "@odata.etag")  # what a variant has of its item, if the item has it
DONE = (200, 204)


class StockOfBc(BusinessCentral):
    """The stock of one company of Business Central."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.connection = settings

    @cached_property
    def app(self) -> AppStock | None:
        """The companion app, where figures can be posted with it.

        Raises: ConfigurationError when the settings name a location, and the app is not there or may not be written.
        """
        locations = self.connection.stock.locations
        needed_for = "`stock.locations`" if locations else ""
        app = self.closing.enter_context(app_stock(self.connection, needed_for))
        if app and app.found.can(ADJUSTMENTS, write=True):
            return app
        if locations:
            words = "`stock.locations` needs stockAdjustments of the companion app, which cannot be written."
            raise ConfigurationError(words, "; ".join(app.found.gaps) if app else "")
        return None

    @property
    def location(self) -> str:
        """The code of the location that figures are posted to; empty for none."""
        return next(iter(self.connection.stock.locations), "")

    def find(
        self,
        entity_set: str,
        field: str,
        keys: Iterable[str],
        ignore_case: bool,
        select: Collection[str] = (),
        expand: str = "",
    ) -> dict[str, list[dict[str, Any]]]:
        """Looks records up, items with what is there in the location of the settings (`figures`)."""
        found = super().find(entity_set, field, keys, ignore_case, select, expand)
        if entity_set != ITEMS or (select and INVENTORY not in select):
            return found
        figures = self.figures({one["id"]: one for some in found.values() for one in some})
        return {key: [figures[one["id"]] for one in some] for key, some in found.items()}

    def figures(self, records: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Items with what is there in the location of the settings, if they name one."""
        if not records or not self.location or not self.app:
            return dict(records)
        levels = self.app.on_hand({str(one["number"]) for one in records.values()})
        return {key: one | {INVENTORY: levels.get((one["number"], ""), Decimal(0))} for key, one in records.items()}

    def variants(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Variants as records that take a figure and nothing else, by their ids."""
        if not self.app or not ids:
            return {}
        found = [one for some in self.find("itemVariants", "id", ids, False, VARIANT).values() for one in some]
        numbers = {one["itemNumber"] for one in found}
        items, levels = super().find(ITEMS, "number", numbers, False), self.app.on_hand(numbers)
        made = {}
        for one in found:
            place = one["itemNumber"], one["code"]
            item = items[one["itemNumber"]][0]
            own = {"id": one["id"], "number": "/".join(place), INVENTORY: levels.get(place, Decimal(0))}
            made[one["id"]] = own | {name: item[name] for name in OF_ITEM if item[name]}
        return made

    def post(self, rows: list[Row]) -> list[Result]:
        """Posts the differences of planned rows, each under the id of its attempt (`attempt_id`); the result of each.

        What else a row changes is written before.
        """
        results = self._written(rows)
        moved = [row for row in rows if _moves(row) and (row["key"] not in results or _is_taken(results[row["key"]]))]
        results |= zip((row["key"] for row in moved), self._post(moved), strict=True)
        return [results[row["key"]] for row in rows]

    def _written(self, rows: list[Row]) -> dict[str, Result]:
        """Writes the fields of rows but for their figures; the result by key, of rows with such fields."""
        operations = []
        for row in rows:
            body = json.loads(row["body"], parse_float=Decimal)
            body.pop(INVENTORY, None)
            if body:
                operations.append(Operation(row["key"], "PATCH", f"{ITEMS}({row['target_id']})", body, row["etag"]))
        return {one.id: one for one in self.run(operations)}

    def _post(self, rows: list[Row]) -> list[Result]:
        places = self._places(rows)
        bodies = {row["key"]: self._adjustment(row, *places[row["key"]]) for row in rows}
        inserted = self._api.run([Operation(key, "POST", ADJUSTMENTS, body) for key, body in bodies.items()])
        results = {one.id: one for one in inserted}
        ids = {one.id: one.body["id"] for one in inserted if one.status in (200, 201) and "id" in one.body}
        results |= {one.id: one for one in self._api.run(_posts(ids))}
        return [_answered(row, results[row["key"]]) for row in rows]

    @property
    def _api(self) -> BusinessCentral:
        if not self.app:
            raise LookupError("there is no companion app")
        return self.app.app

    def _places(self, rows: list[Row]) -> dict[str, tuple[str, str]]:
        """Item and variant of each row, by its key."""
        ids = {row["target_id"] for row in rows}
        is_split = self.connection.products.variants == "item_variants"
        found = self.find("itemVariants", "id", ids, False, VARIANT) if is_split and ids else {}
        variants = {key: (some[0]["itemNumber"], some[0]["code"]) for key, some in found.items()}
        return {row["key"]: variants.get(row["target_id"], (row["target_no"], "")) for row in rows}

    def _adjustment(self, row: Row, item: str, variant: str) -> dict[str, Any]:
        (change,) = _moves(row)
        difference = Decimal(str(change["new"])) - Decimal(str(change["old"]))
        body = {"reference": _reference(row["attempt_id"]), "itemNumber": item, "variantCode": variant}
        return body | {"locationCode": self.location, "quantity": difference}

    def settle(self, store: Store, part: str) -> set[tuple[str, str]]:
        """Posts what was inserted and may not have been posted; part and key of the records, to be planned again.

        Raises: UnreadableAnswer when it is not known afterwards, either.
        """
        lost = ledger.read(store, "part = ? AND state = 'UNKNOWN' AND attempt_id IS NOT NULL", [part])
        if not lost or not self.app:
            return set()
        found = self._api.find(ADJUSTMENTS, "reference", {_reference(row["attempt_id"]) for row in lost}, False)
        waiting = {one["reference"]: one["id"] for some in found.values() for one in some if not one["posted"]}
        if any(one.status == NOT_KNOWN for one in self._api.run(_posts(waiting))):
            raise UnreadableAnswer("It is not known whether Business Central has posted an adjustment of stock.")
        return {(part, row["key"]) for row in lost}


def _moves(row: Row) -> list[dict[str, Any]]:
    """The change of a row's figure; none where it stays."""
    changes: list[dict[str, Any]] = json.loads(row["changes"], parse_float=Decimal)
    return [each for each in changes if each["field"] == INVENTORY]


def _is_taken(result: Result) -> bool:
    return result.status in DONE


def _reference(attempt: str) -> str:
    return attempt.upper()  # as Business Central keeps it


def _posts(ids: Mapping[str, str]) -> list[Operation]:
    """The operations that post adjustments, given their ids by the ids of the operations."""
    return [Operation(key, "POST", f"{ADJUSTMENTS}({one})/Microsoft.NAV.post") for key, one in ids.items()]


def _answered(row: Row, result: Result) -> Result:
    """The result of a figure: the item or the variant, when it was posted."""
    made = {"id": row["target_id"], "number": row["target_no"]}
    return Result(result.id, 200, made) if _is_taken(result) else result

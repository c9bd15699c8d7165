"""Fields of a record that the target keeps beside it: default dimensions, and what only the companion app takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from ....mapping.compiler import Compiled
from ....systems.business_central import BusinessCentral
from ....systems.business_central.companion import companion_of
from ....systems.business_central.facts import is_beside
from ....systems.facts import APP_FIELD, ATTRIBUTE, BARCODE, DIMENSION, SHIP_TO, UNIT
from ...connected import ConnectedFlow
from ...part import Part
from ..target.matching import Target
from .app_fields import AppFields
from .attributes import Attributes
from .base import Beside
from .dimensions import Dimensions
from .rows_below import Barcodes, Units
from .ship_tos import ShipTos

OPTIONS = "attributes.csv"  # the table of what makes variants


def beside_of(connected: ConnectedFlow, compiled: Compiled | None, part: Part, target: Target) -> tuple[Beside, ...]:
    """Each kind of such fields that a table fills."""
    if not compiled or not isinstance(target, BusinessCentral):
        return ()
    return tuple(_kinds(connected, compiled, part, target))


def _kinds(connected: ConnectedFlow, compiled: Compiled, part: Part, target: BusinessCentral) -> Iterator[Beside]:
    if dimensions := dimensions_of(compiled, part, target):
        yield dimensions
    filled = {kind: _names(compiled, kind) for kind in (APP_FIELD, ATTRIBUTE, BARCODE, UNIT, SHIP_TO)}
    if not any(filled.values()):
        return
    app, entity_set = companion_of(target, connected.settings), part.entity_set
    if names := filled[APP_FIELD]:
        yield AppFields(app, part.app_set, list(names))
    if names := filled[ATTRIBUTE]:
        uses = {name: "Option" if table == OPTIONS else "Feature" for name, table in names.items()}
        yield Attributes(app, target, entity_set, uses)
    if names := filled[BARCODE]:
        yield Barcodes(app, target, entity_set, list(names))
    if names := filled[UNIT]:
        yield Units(app, target, entity_set, list(names))
    if names := filled[SHIP_TO]:
        yield ShipTos(app, target, entity_set, list(names))


def dimensions_of(compiled: Compiled | None, part: Part, target: Target) -> Dimensions | None:
    """The default dimensions that a table fills; None where it fills none."""
    names = list(_names(compiled, DIMENSION)) if compiled else []
    return Dimensions(target, part.entity_set, names) if names and isinstance(target, BusinessCentral) else None


def _names(compiled: Compiled, kind: str) -> dict[str, str]:
    """The fields of a kind that a table fills, each with the name of the file whose row it is."""
    lines = (each.line for each in compiled.targets)
    return {line.target_field: line.table for line in lines if is_beside(line.target_field, kind)}


def own_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the record itself."""
    return {name: value for name, value in body.items() if not is_beside(name)}

"""The facts about a field of either system. Each system's own module names their source."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "decimal", "integer", "boolean", "date", "datetime", "guid"]
# Begins the names of fields that are default dimensions of a record, such as `dimension.SEASON`.
DIMENSION = "dimension."
# Begins the names of fields of the companion app, such as `app.longDescription`.
APP_FIELD = "app."
# Begin the names of fields that are rows of the companion app below an item: `attribute.Season`, `unit.BOX`, `barcode`.
ATTRIBUTE, UNIT, BARCODE = "attribute.", "unit.", "barcode"
# Begins the names of fields of a delivery address that the companion app shows below a customer: `shipTo.DEPOT.city`.
SHIP_TO = "shipTo."


@dataclass(frozen=True)
class FieldFacts:
    """One field that can be read or written.

    Attributes:
        max_length: the length of the longest text, in UTF-16 units; None where there is no limit.
        upper_cased: whether the system turns its text into capitals.
        options: the values that it takes, in their API form; empty where it takes any value.
        reference: the entity set of the record that it points to. The mapping gives that record's code, and its id is
            looked up in the target.
        only_later: why the system refuses it in a new record; empty where it does not.
        needs_app: whether the target takes it only with the companion app, which is not there.
    """

    name: str
    kind: Kind
    max_length: int | None = None
    upper_cased: bool = False
    read_only: bool = False
    options: tuple[str, ...] = ()
    is_email: bool = False
    reference: str | None = None
    only_later: str = ""
    needs_app: bool = False

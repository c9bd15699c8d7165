"""Which values a field takes: type, length, range, options (behaviour.md section 4).

Here belongs: a check that needs the field's facts only. A check that needs other records: odata/writing.py.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ...control import timestamp
from ...records import Record
from .refusal import Refused, bad_request, validation_error
from .schema import EMPTY_MOMENT, ZERO_GUID, EntitySet, Facts

DECIMAL_LIMIT = 10**15  # no number of the sandbox reaches it
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def checked_body(entity: EntitySet, body: object, deep: bool = False) -> Record:
    """The fields of a request body as BC stores them. Raises Refused.

    With `deep`, the body may hold records that are inserted together with this one. They are left out here.
    """
    sent = {name: value for name, value in as_object(body).items() if not _is_annotation(entity, name)}
    for name in entity.subpages if deep else ():
        if not isinstance(sent.pop(name, []), list):
            raise bad_request(f"The value of '{name}' must be a list.")
    for name in sent:
        if name in entity.navigation and name not in entity.fields:
            raise bad_request(f"The navigation property '{name}' cannot be written together with its parent.")
    return {name: _writable_value(entity, name, value) for name, value in sent.items()}


def as_object(body: object) -> Record:
    """The body, if it is a JSON object. Raises Refused for anything else."""
    if not isinstance(body, dict):
        message = "An unexpected 'PrimitiveValue' node was found when reading from the JSON reader. "
        raise bad_request(message + "A 'StartObject' node was expected.")
    return body


def _is_annotation(entity: EntitySet, name: str) -> bool:
    """Whether a member is control information as `@odata.etag`, which clients send back as they read it."""
    owner, at, kind = name.partition("@odata.")
    return bool(at) and kind != "bind" and (not owner or owner in entity.fields or owner in entity.navigation)


def _writable_value(entity: EntitySet, name: str, value: Any) -> Any:
    facts = entity.fields.get(name, {})
    if (facts.get("readOnly") and name != entity.key) or facts.get("edm") == "Edm.Stream":
        raise Refused(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
    return field_value(entity, name, value)


def field_value(entity: EntitySet, name: str, value: Any) -> Any:
    """A field's value as BC stores it. Raises Refused for a value of another type, and for an unknown field."""
    facts = entity.fields.get(name)
    if facts is None:
        raise bad_request(f"The property '{name}' does not exist on type '{entity.type_name}'.")
    kind = facts.get("edm")
    if kind in ("Edm.Decimal", "Edm.Int32", "Edm.Int64"):
        return _number(name, value, facts)
    if kind == "Edm.Boolean":
        if not isinstance(value, bool):
            raise _unconvertible(name, kind)
        return value
    if not isinstance(value, str) or not is_text(value):
        raise _unconvertible(name, kind or "Edm.String")
    if kind == "Edm.Guid":
        return _guid(value)
    if kind == "Edm.Date" and not (DATE.fullmatch(value) and _is_moment(value)):
        raise _unconvertible(name, kind)
    if kind == "Edm.DateTimeOffset":
        if not (TIMESTAMP.fullmatch(value) and _is_moment(value)):
            raise _unconvertible(name, kind)
        return stored_moment(value)
    return _option(facts, value) if "enum" in facts else _text(facts, value)


def is_text(value: str) -> bool:
    """Whether a string is a text: half of a surrogate pair is none, and a NUL is refused because SQLite ends there."""
    return "\0" not in value and (value.isascii() or not LONE_SURROGATE.search(value))


def _is_moment(value: str) -> bool:
    """Whether a date or time of the right form exists in the calendar."""
    try:
        stored_moment(value)
    except (ValueError, OverflowError):
        return False
    return True


def stored_moment(value: str) -> str:
    """A moment as BC shows it: in UTC, to the millisecond. Raises ValueError or OverflowError if there is none."""
    moment = datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
    in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    shown = timestamp(in_utc)
    return EMPTY_MOMENT if shown == timestamp(datetime.min.replace(tzinfo=UTC)) else shown


def _number(name: str, value: Any, facts: Facts) -> int | Decimal:
    kind = str(facts["edm"])
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _unconvertible(name, kind)
    if isinstance(value, Decimal) and not value.is_finite():
        raise _unconvertible(name, kind)
    if kind != "Edm.Decimal" and value != int(value):
        raise _unconvertible(name, kind)
    if not -DECIMAL_LIMIT < value < DECIMAL_LIMIT:
        message = f"The value of '{name}' is outside of the range of its type."
        raise Refused(400, "Application_EvaluateException", message)
    _check_limits(name, value, facts)
    return value if value else 0  # 0 in place of -0


def _check_limits(name: str, value: int | Decimal, facts: Facts) -> None:
    """Checks the field's range and decimal places. BC's messages for them are not published."""
    least, most, places = facts.get("minValue"), facts.get("maxValue"), facts.get("decimalPlaces")
    if least is not None and value < least:
        raise validation_error(f"The value of '{name}' must be greater than or equal to {least}. Value: {value}.")
    if most is not None and value > most:
        raise validation_error(f"The value of '{name}' must be less than or equal to {most}. Value: {value}.")
    if places is not None and value != round(value, places):
        raise validation_error(f"The value of '{name}' can have a maximum of {places} decimal places. Value: {value}.")


def _guid(value: str) -> str:
    if not GUID.fullmatch(value):
        raise Refused(400, "Application_InvalidGUID", f"'{value}' is not a valid GUID.")
    return value.lower()


def _text(facts: Facts, value: str) -> str:
    if facts.get("upperCased"):
        value = value.strip().upper()
    check_length(value, facts.get("maxLength"))
    return value


def check_length(value: str, most: int | None) -> None:
    """Refuses a text of more than `most` characters, which AL counts in UTF-16 units: an emoji counts as two."""
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if most and length > most:
        message = f"The length of the string is {length}, but it must be less than or equal to {most} characters. "
        raise Refused(400, "Application_StringExceededLength", f"{message}Value: {value}")


def _option(facts: Facts, value: str) -> str:
    found = option_named(facts, value)
    if found is None:
        options = ",".join(decoded(option) for option in facts["enum"])
        raise Refused(400, "Unknown", f"'{value}' is not an option. The existing options are: {options}")
    return found


def option_named(facts: Facts, value: str) -> str | None:
    """The member of an enum, which a client names by the member or by its caption (`Same_x0020_Code`, `Same Code`)."""
    if value in facts["enum"]:
        return value
    return next((member for member in facts["enum"] if decoded(member) == value), None)


def decoded(member: str) -> str:
    """The caption of an enum member. In a member's name, `_x0020_` stands for a space."""
    return re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found.group(1), 16)), member)


def _unconvertible(name: str, kind: str) -> Refused:
    return bad_request(f"Cannot convert the value of property '{name}' to the expected target type '{kind}'.")


def is_zero(value: object) -> bool:
    """Whether a GUID or a code is empty."""
    return value in (None, "", ZERO_GUID)

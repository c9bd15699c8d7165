"""What is known of a field of either system; each system says where it knows it from."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "decimal", "integer", "boolean", "date", "datetime", "guid"]


@dataclass(frozen=True)
class FieldFacts:
    """One field that can be read or written.

    Attributes:
        max_length: longest text, in UTF-16 units.
        options: the values that it takes, in their API form; empty where it takes any.
        reference: the entity set whose record it points to; its code is given, the target's id is found by it.
        needs_app: whether the target takes it only with the companion app, which is off here.
    """

    name: str
    kind: Kind
    max_length: int | None = None
    upper_cased: bool = False
    read_only: bool = False
    options: tuple[str, ...] = ()
    is_email: bool = False
    reference: str | None = None
    needs_app: bool = False

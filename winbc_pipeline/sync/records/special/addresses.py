"""An address is one value: all its fields come from one address of the source, and nothing empties a whole one.

Here belongs: what an update does to the address of a record that is there. Which address of the source is sent is a
matter of the mapping tables; how a document's own addresses are sent: documents/decide.py.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ...part import Address
from ...payloads import is_blank
from ..target.winstore_target import is_unseen

Fields = Mapping[str, Any]


def is_given(fields: Fields, place: Iterable[str]) -> bool:
    """Whether there is an address: a street, a post code or a city. A country alone is none."""
    return any(not is_blank(fields.get(name)) for name in place)


def meant(updates: Fields, live: Fields, address: Address | None) -> Fields:
    """The fields of an update without those of an address, where the source has no address and the target has one."""
    if address is None or is_given(updates, address.place):
        return updates
    if not is_unseen(live) and not is_given(live, address.place):
        return updates
    return without(updates, address)


def without(fields: Fields, address: Address | None) -> dict[str, Any]:
    """The fields of a record without those of its address."""
    own = address.fields if address else ()
    return {name: value for name, value in fields.items() if name not in own}


def kept_elsewhere(live: Fields, address: Address | None) -> Fields:
    """The address that a record of the target keeps in other fields, under the names of the address's own fields.

    Empty where it keeps none there.
    """
    if address is None or not is_given(live, [address.elsewhere[name] for name in address.place if address.elsewhere]):
        return {}
    return {name: live.get(other) for name, other in address.elsewhere.items()}


def with_address_of(fields: Fields, other: Fields, address: Address) -> dict[str, Any]:
    """The fields of a record with the address of another one."""
    return without(fields, address) | {name: other[name] for name in address.fields if not is_blank(other.get(name))}

"""The fields that a system takes, whichever system it is."""

from collections.abc import Mapping

from ..settings import Settings
from .business_central import entity_fields
from .facts import FieldFacts
from .winstore import load_profile


def writable_fields(system: str, entity_set: str, settings: Settings) -> Mapping[str, FieldFacts]:
    """What can be written to an entity set, by name.

    A field of Winstore that stands inside another one is named with a dot: `invoice_add.city`.

    Args:
        system: `bc` or `winstore`.
    """
    if system == "bc":
        return entity_fields(entity_set)
    return load_profile(settings.winstore.profile).written(entity_set)

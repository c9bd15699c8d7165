"""Fields of a record that the target keeps beside it: default dimensions, and fields of the companion app."""

from collections.abc import Mapping
from typing import Any

from ....mapping.compiler import Compiled
from ....systems.business_central.facts import is_app_field, is_dimension
from ...connected import ConnectedFlow
from ...flow import Part
from ..target.matching import Target
from .app_fields import AppFields, app_fields_of
from .dimensions import Dimensions, dimensions_of


def beside_of(
    connected: ConnectedFlow, compiled: Compiled | None, part: Part, target: Target
) -> tuple[Dimensions | AppFields, ...]:
    """Each kind of such fields that a table fills."""
    found = dimensions_of(compiled, part, target), app_fields_of(connected, compiled, part, target)
    return tuple(each for each in found if each)


def own_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the record itself."""
    return {name: value for name, value in body.items() if not (is_dimension(name) or is_app_field(name))}

"""The fields between which a flow's tables map: what its source gives, what its target takes."""

from collections.abc import Mapping

from ..settings import Settings
from ..systems.business_central import entity_fields
from ..systems.facts import FieldFacts
from ..systems.winstore import load_profile
from .flow import Flow, Part
from .read_bc import source_kinds
from .stage import staging_table


def source_fields(flow: Flow, settings: Settings) -> Mapping[str, str]:
    """Kind by name: text, decimal, boolean, date or datetime. A line's fields begin with `line_` when BC gives them."""
    if flow.source == "bc":
        return source_kinds(flow)
    return {**staging_table(flow, settings).fields, **flow.derived}


def target_fields(flow: Flow, part: Part, settings: Settings) -> Mapping[str, FieldFacts]:
    """What can be written, by name. A field of Winstore inside another is named with a dot: `invoice_add.city`."""
    if flow.target == "bc":
        return {**entity_fields(part.entity_set), **part.own_fields}
    return {**load_profile(settings.winstore.profile).written(part.entity_set), **part.own_fields}

"""Both systems as external assets: the ends of the lineage, which Dagster shows and never runs.

Here belongs: which entities a flow reads and writes, and their keys. Concept page: External assets.

Dagster's graph has no circles. Two things are therefore drawn in one direction only: what comes back to Winstore is an
asset of its own beside what is read there (`winstore/orders`, and at the other end `winstore/orders_from_bc`), and what
a plan looks up is not shown as written by the same flow, although orders may make customers.
A run never waits for an external asset: the lineage between flows goes through them, and each flow runs by itself.
"""

import re
from collections.abc import Iterable

from dagster import AssetKey, AssetSpec

from ..settings import Settings, prefix_of
from ..sync.connected import ConnectedFlow
from .names import key_of, named

NAMES = {"winstore": "Winstore", "bc": "Business Central"}
KEYS = {"winstore": "winstore", "bc": "business_central"}  # begin the keys of their assets
# Groups of Business Central's entities; the others are master data. With one group for all, arrows would run in circles
# while the groups are closed.
GROUPS = {
    "sales_orders": "business_central_orders",
    "sales_shipments": "business_central_posted",
    "sales_invoices": "business_central_posted",
}
MASTER_DATA = "business_central_master_data"
BACK = "_from_bc"


def sources_of(connected: ConnectedFlow) -> list[AssetKey]:
    """The external assets that a flow reads, as the settings choose its documents."""
    flow = connected.flow
    entities = flow.reading.sets(connected.settings) if flow.reading else [flow.entity]
    return [_key(connected.settings, flow.source, entity) for entity in entities]


def looked_up(connected: ConnectedFlow) -> list[AssetKey]:
    """The external assets that a plan of a flow looks up in the target, and that other flows fill."""
    return [_key(connected.settings, connected.flow.target, entity) for entity in connected.flow.looks_up]


def targets_of(connected: ConnectedFlow) -> list[AssetKey]:
    """The external assets that a flow fills, as the settings choose its documents. Lines count as their document."""
    flow = connected.flow
    # A line cannot be found by itself in the target: it has no fields to match by.
    written = dict.fromkeys(part.entity_set for part in connected.parts if part.match)
    entities = [entity for entity in (*written, *flow.posts) if entity not in flow.looks_up]
    back = BACK if flow.target == "winstore" else ""
    return [_key(connected.settings, flow.target, entity + back) for entity in entities]


def system_assets(settings: Settings, flows: Iterable[ConnectedFlow]) -> list[AssetSpec]:
    """The external assets of all flows of a connection. What a flow fills depends on its synced layer."""
    written_by: dict[AssetKey, list[AssetKey]] = {}
    for each in flows:
        for key in (*sources_of(each), *looked_up(each)):
            written_by.setdefault(key, [])
        for key in targets_of(each):
            written_by.setdefault(key, []).append(key_of(settings, "synced", each.flow.id))
    return [_asset(settings, key, synced) for key, synced in written_by.items()]


def broken_connection(name: str, error: str) -> AssetSpec:
    """The asset that stands for a connection that cannot be used, with the error for people."""
    prefix = prefix_of(name)
    text = f"**{name} is not served.** {error} Mend it, then start `winbc up` again."
    return AssetSpec(AssetKey((prefix, "broken")), group_name=prefix, kinds={"broken"}, description=text)


def _key(settings: Settings, system: str, entity: str) -> AssetKey:
    """The key of an entity; Business Central's `salesOrders` is `sales_orders`, as keys are written here."""
    return key_of(settings, KEYS[system], re.sub(r"(?=[A-Z])", "_", entity).lower())


def _asset(settings: Settings, key: AssetKey, synced: list[AssetKey]) -> AssetSpec:
    system, entity = key.path[-2:]
    back = BACK if entity.endswith(BACK) else ""
    name = next(name for name, begin in KEYS.items() if begin == system)
    words = entity.removesuffix(back).replace("_", " ")
    what = f"{NAMES[name]}: {words}{', as they come from Business Central' if back else ''}."
    writers = ", ".join(f"`{each.to_user_string()}`" for each in synced)
    return AssetSpec(
        key,
        deps=synced,
        group_name=named(settings, GROUPS.get(entity, MASTER_DATA) if name == "bc" else system + back),
        kinds={system},
        description=f"{what} {f'Filled by {writers}.' if synced else 'No flow fills them.'}",
    )

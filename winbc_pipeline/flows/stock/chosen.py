"""Which SKUs a person means: by their keys, by a category, or by a warehouse of Winstore."""

from collections.abc import Collection

from ...staging.load import create as create_staging
from ...staging.store import quote, rows_of
from ...sync.connected import ConnectedFlow
from .of_winstore import categories


def keys_of(connected: ConnectedFlow, keys: Collection[str] = (), category: str = "", warehouse: str = "") -> list[str]:
    """The keys of the flow's records that are meant. A key that nobody has read yet counts as it is.

    Args:
        keys: SKUs, in capitals or not.
        category: a category of Winstore, or an item category code of Business Central.
        warehouse: a warehouse of Winstore; only where Winstore is the source.
    """
    rows, is_winstore = quote(connected.loaded.name), connected.flow.source == "winstore"
    with connected.store.open() as connection:
        create_staging(connection, connected.loaded)
        create_staging(connection, connected.staging)
        known = {each["_key"].lower(): each["_key"] for each in rows_of(connection, _every(connected))}
        found = [known.get(key.lower(), key) for key in keys]
        if warehouse and is_winstore:
            sold = rows_of(connection, f"SELECT DISTINCT sku FROM {rows} WHERE warehouse = ?", [warehouse])
            found += [each["sku"] for each in sold]
        if category and not is_winstore:
            alike = f"SELECT number FROM {rows} WHERE lower(itemCategoryCode) = lower(?)"
            found += [each["number"] for each in rows_of(connection, alike, [category])]
    if category and is_winstore:
        listed = categories(connected.settings)
        found += [each["sku"] for each in listed if (each["category"] or "").lower() == category.lower()]
    return list(dict.fromkeys(found))


def _every(connected: ConnectedFlow) -> str:
    return f"SELECT _key FROM {quote(connected.staging.name)}"

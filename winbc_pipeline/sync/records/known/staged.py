"""What the source's staging table says of mapped records beside their payloads. It is asked only for what a plan needs.

Here belongs: reading staged columns by the records' keys. What follows from them: known.py and decide.py.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import orjson

from ....staging.pairs import VERSION, Hashes, Pairs
from ....staging.store import Row, quote, rows_of
from ...connected import ConnectedFlow
from ...part import Part


class StagedRecords:
    """The staged records that one part is made of. A part with a key of its own is made of several: nothing is told."""

    def __init__(self, connected: ConnectedFlow, part: Part) -> None:
        flow = connected.flow
        self.store, self.table, self.own_id = connected.store, connected.staging, flow.own_id
        # Names of the fields that tell a record's own id, its number and its group.
        self.names = {"own": flow.own_id, "number": flow.own_no, "group": part.group}
        self.is_told = part.key == "_key"
        # Moments are written in several ways, so they are not compared.
        self.kinds = {name: kind for name, kind in self.table.fields.items() if kind != "datetime"}
        keys = part.keys.fields[flow.source] if part.keys else ()
        self.key_fields = [name for name in keys if name in self.table.fields]

    def named(self, keys: Collection[str]) -> dict[str, Row]:
        """`own` (the id in the source), `number` and `group` of records, by key; only those that fields tell."""
        columns = ", ".join(f"{quote(field)} AS {quote(name)}" for name, field in self.names.items() if field)
        return self._columns(keys, columns) if columns else {}

    def hashes(self, versions: Mapping[str, str], pairs: Pairs) -> dict[str, Hashes]:
        """A hash of each field, and the version, by key.

        Args:
            versions: by key, the version that was mapped. One that was staged anew since then is not what is planned.
        """
        rows = self._columns(versions.keys(), f"_version::VARCHAR AS version, {pairs.sql(self.kinds, 's')} AS now")
        same = {key: row for key, row in rows.items() if row["version"] == versions[key]}
        return {key: orjson.loads(row["now"]) | {VERSION: row["version"]} for key, row in same.items()}

    def keys_of(self, keys: Collection[str]) -> dict[str, Row]:
        """The fields in which the source holds the keys of a KeyChain, by the record's own key."""
        return self._columns(keys, ", ".join(map(quote, self.key_fields))) if self.key_fields else {}

    def modified(self, keys: Collection[str]) -> dict[str, datetime]:
        """The moments of the last modification, by key."""
        return {key: row["_modified_at"] for key, row in self._columns(keys, "_modified_at").items()}

    def present(self, own_ids: Collection[str]) -> set[str]:
        """Those of the source's own ids that are staged: a record is lost there when another one takes over its key."""
        if not own_ids:
            return set()
        name = quote(self.own_id or "_key")
        sql = f"SELECT {name} FROM {quote(self.table.name)} WHERE {name} IN (SELECT unnest(?::VARCHAR[]))"
        with self.store.open() as connection:
            return {own for (own,) in connection.execute(sql, [list(own_ids)]).fetchall()}

    def _columns(self, keys: Collection[str], columns: str) -> dict[str, Row]:
        """Columns (SQL) of the records with these keys."""
        if not keys or not self.is_told:
            return {}
        within = "_key BETWEEN ? AND ? AND _key IN (SELECT unnest(?::VARCHAR[]))"  # the first passes most rows over
        sql = f"SELECT _key, {columns} FROM {quote(self.table.name)} AS s WHERE {within}"
        with self.store.open() as connection:
            return {row.pop("_key"): row for row in rows_of(connection, sql, [min(keys), max(keys), list(keys)])}

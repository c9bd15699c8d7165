"""Which customers and articles of the Winstore sandbox have an e-mail, a SKU or a GTIN.

SQLite itself keeps the list, by triggers, so that it is right whoever changes a record, and a look-up stays fast in a
shop with many articles. The list lives as long as the connection.
"""

from .records import Record, Records

VALUES = {  # by entity: a SELECT of the field and the value under which the record ROW is found
    "customers": "SELECT 'email' AS field, json_extract(ROW.body, '$.email') AS value",
    "articles": """
        SELECT 'sku' AS field, json_extract(v.value, '$.sku') AS value FROM json_each(ROW.body, '$.variants') AS v
        UNION ALL
        SELECT 'gtin', json_extract(v.value, '$.gtin') FROM json_each(ROW.body, '$.variants') AS v""",
}


class Lookups:
    """Finds records by the values of a field."""

    def __init__(self, records: Records) -> None:
        self.records = records
        records.db.executescript("""
            CREATE TEMP TABLE found_by (entity TEXT, field TEXT, value TEXT, id TEXT);
            CREATE INDEX temp.found_by_value ON found_by (entity, field, value);
            CREATE INDEX temp.found_by_id ON found_by (entity, id);
        """)
        for entity in VALUES:
            self._keep(entity)

    def _keep(self, entity: str) -> None:
        """Lists the records of an entity that are there, and whatever becomes of them from now on."""
        for event in ("INSERT", "UPDATE", "DELETE"):
            row = "OLD" if event == "DELETE" else "NEW"
            values = VALUES[entity].replace("ROW", row)
            listing = f"INSERT INTO found_by SELECT '{entity}', field, lower(value), {row}.id FROM ({values});"
            self.records.db.execute(f"""
                CREATE TEMP TRIGGER {event.lower()}_{entity} AFTER {event} ON main.record
                WHEN {row}.entity = '{entity}'
                BEGIN
                    DELETE FROM found_by WHERE entity = '{entity}' AND id = {row}.id;
                    {"" if event == "DELETE" else listing}
                END""")
        self.records.db.execute("UPDATE record SET body = body WHERE entity = ?", (entity,))  # lists what is there

    def with_value(self, entity: str, field: str, value: str) -> list[Record]:
        """The records that have a value in a field: `email`, `sku`, `gtin`. Capitals make no difference (assumed)."""
        where = "id IN (SELECT id FROM found_by WHERE entity = ? AND field = ? AND value = ?)"
        # With the plain `seq`, SQLite walks all records in their order.
        return self.records.select(entity, where, [entity, field, value.lower()], order="+seq")

    def article_of(self, product: str) -> Record | None:
        """The article that has a variant with exactly this SKU or GTIN."""
        for field in ("sku", "gtin"):
            for article in self.with_value("articles", field, product):
                if any(row.get(field) == product for row in article["variants"]):
                    return article
        return None

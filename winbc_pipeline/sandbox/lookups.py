"""Which customers and articles of the Winstore sandbox have an e-mail, a SKU or a GTIN.

SQLite keeps the list, so that it is right whoever changes a record, and a look-up stays fast in a large shop. Triggers
follow updates and deletions. New records are listed before the next look-up, because a trigger for them would make
loading a shop take three times as long. The list lives as long as the connection.
"""

from .records import Record, Records

VALUES = {  # by entity: a SELECT of the fields and values by which records of the source ROWS are found
    "customers": "SELECT 'email' AS field, json_extract(r.body, '$.email') AS value, r.id FROM ROWS AS r",
    "articles": """
        SELECT f.value AS field, json_extract(v.value, '$.' || f.value) AS value, r.id
        FROM ROWS AS r, json_each(r.body, '$.variants') AS v, json_each('["sku", "gtin"]') AS f""",
}


class Lookups:
    """Finds records by the values of a field."""

    def __init__(self, records: Records) -> None:
        self.records, self.listed = records, 0  # the last sequence number that is listed
        self.greatest = dict.fromkeys(VALUES, 0)  # key that is a number, by entity
        records.db.executescript("""
            CREATE TEMP TABLE found_by (entity TEXT, field TEXT, value TEXT, id TEXT);
            CREATE INDEX temp.found_by_value ON found_by (entity, field, value);
            CREATE INDEX temp.found_by_id ON found_by (entity, id);
        """)
        for entity in VALUES:
            forget = f"DELETE FROM found_by WHERE entity = '{entity}' AND id = OLD.id;"
            listing = _listing(entity, "(SELECT NEW.id AS id, NEW.body AS body)")
            for event, then in (("DELETE", ""), ("UPDATE", f"{listing};")):
                records.db.execute(f"""
                    CREATE TEMP TRIGGER {event.lower()}_{entity} AFTER {event} ON main.record
                    WHEN OLD.entity = '{entity}' BEGIN {forget} {then} END""")

    def with_value(self, entity: str, field: str, value: str) -> list[Record]:
        """The records that have a value in a field: `email`, `sku`, `gtin`. Capitals make no difference (assumed)."""
        self._list_new()
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

    def greatest_number(self, entity: str) -> int:
        """The greatest key that is a number and that a record has or had; 0 without one."""
        self._list_new()
        return self.greatest[entity]

    def _list_new(self) -> None:
        """Lists the records that came since the last look-up. A record that was replaced is a new one."""
        newest = self.records.db.execute("SELECT max(seq) FROM record").fetchone()[0] or 0
        if newest <= self.listed:
            return
        for entity in VALUES:
            new = f"SELECT id, body FROM record WHERE seq > {self.listed} AND entity = '{entity}'"
            ids = f"SELECT id FROM ({new})"
            found = self.records.db.execute(f"SELECT max(CAST(id AS INTEGER)) FROM ({new})").fetchone()[0]
            self.greatest[entity] = max(self.greatest[entity], found or 0)
            self.records.db.execute(f"DELETE FROM found_by WHERE entity = '{entity}' AND id IN ({ids})")
            self.records.db.execute(_listing(entity, f"({new})"))
        self.listed = newest


def _listing(entity: str, rows: str) -> str:
    values = VALUES[entity].replace("ROWS", rows)
    return f"INSERT INTO found_by SELECT '{entity}', field, lower(value), id FROM ({values})"

"""Tables in a folder of their own, and what they make of given records."""

from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.mapping.compiler import Compiled, compile_table
from winbc_pipeline.mapping.custom import load_functions
from winbc_pipeline.mapping.execute import fill_joined_tables
from winbc_pipeline.mapping.tables import read_table
from winbc_pipeline.mapping.trial import try_out
from winbc_pipeline.staging.load import OWN, StagingTable
from winbc_pipeline.staging.store import Row, in_memory, insert_rows, lock_down, rows_of
from winbc_pipeline.sync.connected import create_source
from winbc_pipeline.sync.payloads import fields_of
from winbc_pipeline.systems.facts import FieldFacts

HEADER = "target_field,source,default,when,required,note\n"
FIELDS = {"name": "text", "code": "text", "price": "decimal", "rate": "decimal", "active": "boolean", "at": "datetime"}
TARGET = {
    "name": FieldFacts("name", "text", max_length=10),
    "code": FieldFacts("code", "text", max_length=10, upper_cased=True),
    "price": FieldFacts("price", "decimal"),
    "count": FieldFacts("count", "integer"),
    "active": FieldFacts("active", "boolean"),
    "day": FieldFacts("day", "date"),
    "moment": FieldFacts("moment", "datetime"),
    "kind": FieldFacts("kind", "text", options=("Person", "Company")),
    "mail": FieldFacts("mail", "text", is_email=True),
    "record": FieldFacts("record", "guid"),
    "terms": FieldFacts("terms", "guid", reference="paymentTerms"),
    "note": FieldFacts("note", "text"),
    "amount": FieldFacts("amount", "decimal"),
    "made": FieldFacts("made", "text", read_only=True),
}


class Tables:
    """A folder with one mapping table and its lookup tables."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.functions = folder, folder / "table.csv", None

    def lookup(self, name: str, *rows: str) -> None:
        (self.folder / f"{name}.csv").write_text("source_value,target_value,note\n" + "".join(f"{r},\n" for r in rows))

    def compile(self, *rows: str, functions: Path | None = None, header: str = HEADER) -> Compiled:
        self.path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        known = load_functions(functions)
        lookups = {path.stem: path for path in self.folder.glob("*.csv")}
        return compile_table(read_table(self.path), FIELDS, TARGET, lookups, {"shop": ("text", "'WEB'")}, known)

    def try_out(self, *rows: str) -> None:
        """What `winbc mapping validate` does with the table."""
        compiled = self.compile(*rows)
        with in_memory() as connection:
            create_source(connection, FIELDS)
            insert_rows(connection, "source", OWN, [{"_key": "", "_bad_fields": []}])
            lock_down(connection)
            try_out(connection, compiled)

    def run(self, rows: list[str], *records: dict[str, Any], functions: Path | None = None) -> list[Row]:
        """The mapped rows of the records, payloads as dictionaries."""
        compiled = self.compile(*rows, functions=functions)
        with in_memory() as connection:
            create_source(connection, FIELDS)
            columns = OWN | StagingTable("source", FIELDS, (), "").columns
            given = [{"_key": str(n), "_bad_fields": []} | record for n, record in enumerate(records)]
            insert_rows(connection, "source", columns, given)
            lock_down(connection)
            fill_joined_tables(connection, compiled.steps, compiled.lookups)
            made = rows_of(connection, f"{compiled.select} ORDER BY CAST(_key AS INTEGER)")
        for row in made:
            row["creates"], row["updates"] = compiled.payloads(fields_of(row["creates"]), fields_of(row["updates"]))
        return made

    def value(self, field: str, formula: str, **record: Any) -> Any:
        """What a formula gives for a record; its rules must hold."""
        quoted = formula.replace('"', '""')
        row = self.run([f'{field},"{quoted}",,,,'], record)[0]
        assert row["errors"] == []
        return row["creates"][field]

    def rules(self, field: str, formula: str, **record: Any) -> list[str]:
        """The rules that a record breaks."""
        quoted = formula.replace('"', '""')
        return [error["rule"] for error in self.run([f'{field},"{quoted}",,,,'], record)[0]["errors"]]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)

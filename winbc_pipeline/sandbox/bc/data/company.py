"""The records of one company: stored, numbered, stamped, tagged, and found again.

Here belongs: what is true of every record. Rules of single entities: writing.py, masterdata.py, sales.py.
"""

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any

from ...control import Clock, timestamp
from ...records import Record, Records, dumps
from ...setup_data import COMPANY_ID, VAT_RATES, setup_records
from .schema import NEWEST, ZERO_GUID, EntitySet, empty_value, load_schema

SERIES = {
    "customers": "C",
    "contacts": "CT",
    "items": "I",
    "vendors": "V",
    "employees": "E",
    "salesOrders": "S-ORD",
    "salesInvoices": "S-INV",
    "salesCreditMemos": "S-CR",
    "salesQuotes": "S-QUO",
    "salesShipments": "S-SHPT",
    "postedInvoices": "PS-INV",
    "postedCreditMemos": "PS-CR",
}
CENT = Decimal("0.01")
STAMPS = ("lastModifiedDateTime", "systemModifiedAt")
Change = Callable[[str, Record, str], None]


def cents(amount: Decimal) -> Decimal:
    """Rounded to cents, half away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP) + 0  # so that a small negative amount is 0.00 and not -0.00


def with_etag(record: Record) -> Record:
    """BC's tag is a hash over the page's fields: quote, length, hash, `1;00;`, quote, in base64 (behaviour.md 3)."""
    content = {name: value for name, value in record.items() if name != "@odata.etag"}
    digest = base64.b64encode(hashlib.sha256(dumps(content)).digest()).decode()
    tag = base64.b64encode(f"'44;{digest}1;00;'".encode()).decode()
    return {"@odata.etag": f'W/"{tag}"', **content}


class Company:
    """One company. The same seed, clock and calls give the same ids, numbers and times."""

    def __init__(
        self, path: Path | None = None, version: int = NEWEST, seed: str = "", stopped: datetime | None = None
    ) -> None:
        self.records, self.clock, self.schema, self.seed = Records(path), Clock(), load_schema(version), seed
        self.clock.fixed = stopped
        self.watchers: list[Change] = []
        self.waiting: list[Callable[[], None]] = []
        self.blanks: dict[str, Record] = {}
        self.templates: dict[str, Record] = {}
        self.depth, self.deep_insert = 0, False
        self.request_id = ""
        if not self.records.count("companies"):
            for entity, body in setup_records():
                if entity in self.schema:
                    self.add(entity, body)
            self.records.clear_history()

    @property
    def id(self) -> str:
        return COMPANY_ID

    def entity(self, name: str) -> EntitySet:
        return self.schema[name]

    def now(self) -> str:
        return timestamp(self.clock.now())

    def today(self) -> str:
        return self.now()[:10]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none; who watches is told once they count."""
        self.records.db.execute("SAVEPOINT call")
        self.depth += 1
        begun = len(self.waiting)
        try:
            yield
        except BaseException:
            self.records.db.execute("ROLLBACK TO call")
            del self.waiting[begun:]
            raise
        finally:
            self.records.db.execute("RELEASE call")
            self.depth -= 1
        self.once_it_counts(None)

    def once_it_counts(self, work: Callable[[], None] | None) -> None:
        """Runs work as soon as no transaction is open; what is rolled back never runs."""
        if work:
            self.waiting.append(work)
        while self.waiting and not self.depth:
            self.waiting.pop(0)()

    def next_number(self, series: str) -> str:
        """The next number of a series that nobody has taken by hand."""
        number = ""
        while not number or self.find(series, "number", number):
            number = f"{SERIES[series]}{self.records.next(series):05d}"
        return number

    def new_id(self, entity: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{entity}/{self.records.next('id ' + entity)}"))

    def tax_rate(self, code: str) -> Decimal:
        """Per cent of VAT of a tax group (VAT product posting group)."""
        return Decimal(VAT_RATES.get(code, 0))

    def empty(self, entity: str) -> Record:
        """A record of an entity set with nothing filled in."""
        if entity not in self.blanks:
            fields = self.schema[entity].fields
            self.blanks[entity] = {
                n: empty_value(facts) for n, facts in fields.items() if facts.get("edm") != "Edm.Stream"
            }
        return dict(self.blanks[entity])

    def add(self, entity: str, values: Record, sent: Record | None = None) -> Record:
        """Stores a new record and tells the watchers; `sent`, what a client sent, goes into the log of writes."""
        record = self.empty(entity) | values
        key = self.schema[entity].key
        if record.get(key) in ("", ZERO_GUID, None):
            record[key] = self.new_id(entity)
        self._stamp(record)
        record = with_etag(record)
        self.records.insert(entity, self._stored_id(entity, record), record)
        self._tell("POST", entity, record, "created", sent)
        return record

    def change(self, entity: str, record: Record, stamp: bool = True, sent: Record | None = None) -> Record:
        """Stores a changed record; without `stamp` its modification moment stays (calculated fields)."""
        if stamp:
            self._stamp(record)
        record = with_etag(record)
        self.records.replace(entity, self._stored_id(entity, record), record)
        if stamp:
            self._tell("PATCH", entity, record, "updated", sent)
        return record

    def drop(self, entity: str, record: Record, sent: bool = False) -> None:
        self.records.delete(entity, self._stored_id(entity, record))
        self._tell("DELETE", entity, record, "deleted", {} if sent else None)

    def log(self, method: str, entity: str, record: Record, sent: Record) -> None:
        """Notes an accepted write."""
        key = record.get("number") or record.get("code") or record.get(self.schema[entity].key, "")
        self.records.log_write(self.now(), method, entity, str(key), self.request_id, sent)

    def get(self, entity: str, record_id: str) -> Record | None:
        return self.records.get(entity, record_id)

    def find(self, entity: str, field: str, value: object) -> Record | None:
        return self.records.find(entity, field, value)

    def all(self, entity: str, field: str, value: object) -> list[Record]:
        return self.records.select(entity, f"json_extract(body, '$.{field}') = ?", [value])

    def _stored_id(self, entity: str, record: Record) -> str:
        """Dimension lines repeat the dimension's id for every parent: the parent is part of what tells them apart."""
        own = str(record[self.schema[entity].key])
        return f"{record['parentId']}/{own}" if entity == "dimensionSetLines" else own

    def _stamp(self, record: Record) -> None:
        for name in STAMPS:
            if name in record:
                record[name] = self.now()

    def _tell(self, method: str, entity: str, record: Record, kind: str, sent: Record | None) -> None:
        if sent is not None:
            self.log(method, entity, record, sent)
        for watcher in self.watchers:
            self.once_it_counts(partial(watcher, entity, record, kind))


def amount(value: Any) -> Decimal:
    """A stored number as a Decimal."""
    return Decimal(str(value or 0))

"""The records of one company: how they are stored and found, and how they get an id, a number, a time and an ETag.

Here belongs: what is true of every record. Checks that hold for every entity set: odata/writing.py. Rules of single
entity sets: rules/.
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
from ...setup_data import COMPANY_ID, TEMPLATES, VAT_RATES, setup_records
from .schema import NEWEST, ZERO_GUID, EntitySet, empty_value, load_schema

SERIES = {  # the prefix of the numbers in each number series; posted documents have series of their own
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
    "purchaseOrders": "P-ORD",
    "purchaseReceipts": "P-RCPT",
    "postedInvoices": "PS-INV",
    "postedCreditMemos": "PS-CR",
}
CENT = Decimal("0.01")
STAMPS = ("lastModifiedDateTime", "systemModifiedAt")
ROW_VERSION = "rowVersion"  # the counter of row versions, and the field of an app that shows one
CALCULATED = frozenset(("inventory", "balanceDue"))  # FlowFields: a record does not change when they do
Change = Callable[[str, Record, str], None]  # takes the entity set, the record, and created, updated or deleted
Mirror = Callable[[Record, str, bool], None]  # takes the record, what happened to it, and whether watchers hear of it


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to cents, half away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP) + 0  # adding 0 turns -0.00 into 0.00


def with_etag(record: Record) -> Record:
    """The record with its ETag, in BC's form (behaviour.md section 3).

    BC hashes the fields of the record. The tag is base64 of a quote, a length, the hash, `1;00;` and a quote.
    """
    return _with_etag_and_text(record)[0]


def _with_etag_and_text(record: Record) -> tuple[Record, bytes]:
    """The record with its ETag, and its JSON. The ETag needs the JSON of the fields, so it is made once for both."""
    content = {name: value for name, value in record.items() if name != "@odata.etag"}
    text, hashed = dumps(content), stored_fields(content)
    digest = base64.b64encode(hashlib.sha256(text if hashed is content else dumps(hashed)).digest()).decode()
    encoded = base64.b64encode(f"'44;{digest}1;00;'".encode()).decode()
    tag = f'W/"{encoded}"'
    return {"@odata.etag": tag, **content}, b'{"@odata.etag":' + dumps(tag) + b"," + text[1:]


def stored_fields(record: Record) -> Record:
    """The fields of a record without the calculated ones."""
    if not any(name in record for name in CALCULATED):
        return record
    return {name: value for name, value in record.items() if name not in CALCULATED}


class Company:
    """One company and its records. The same seed, clock and calls give the same ids, numbers and times."""

    def __init__(
        self,
        path: Path | None = None,
        version: int = NEWEST,
        seed: str = "",
        fixed_time: datetime | None = None,
        templates: bool = True,
    ) -> None:
        self.records, self.clock, self.seed = Records(path), Clock(), seed
        self.schema = dict(load_schema(version))  # apps add to it
        self.clock.fixed = fixed_time
        self.watchers: list[Change] = []
        self.mirrors: dict[str, list[Mirror]] = {}  # by entity set; each is called in the transaction of the change
        self.movements: list[
            Callable[[Any, tuple[str, str, str]], None]
        ] = []  # told of each movement, and of its place
        self.extension_rules: dict[str, Any] = {}  # the `Rules` of extensions' entity sets
        self.begun: dict[int, Any] = {}  # the transactions that are open, by their first row version (late.py)
        self.written_at = ""  # when the writes of a transaction were made that is being committed
        self.row_versions: Iterator[int] | None = None  # those of its writes
        self.after_commit: list[Callable[[], None]] = []
        self.open_transactions = 0
        self.empty_records: dict[str, Record] = {}
        self.with_notes: dict[str, bool] = {}  # whether records of an entity set may have notes of `hide`
        self.templates: dict[str, Record] = dict(TEMPLATES) if templates else {}
        self.deep_insert = False
        self.request_id = ""
        if not self.records.count("companies"):
            self._add_setup_records()

    def _add_setup_records(self) -> None:
        for entity, body in setup_records():
            if entity in self.schema:
                self.add(entity, body)
        self.records.clear_history()

    @property
    def id(self) -> str:
        """The id of the company record."""
        return COMPANY_ID

    def entity(self, name: str) -> EntitySet:
        """The entity set with a name."""
        return self.schema[name]

    def now(self) -> str:
        """The time of the sandbox's clock."""
        return self.written_at or timestamp(self.clock.now())

    def next_row_version(self) -> int:
        """The row version of a write."""
        return next(self.row_versions) if self.row_versions else self.records.next_value(ROW_VERSION)

    def today(self) -> str:
        """The date of the sandbox's clock, in UTC."""
        return self.now()[:10]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps all changes of the block, or none of them. Transactions may be nested.

        Watchers hear of the changes when the outermost transaction has ended.
        """
        self.records.db.execute("SAVEPOINT call")  # savepoints nest, transactions of SQLite do not
        self.open_transactions += 1
        begun = len(self.after_commit)
        try:
            yield
        except BaseException:
            self.records.db.execute("ROLLBACK TO call")
            del self.after_commit[begun:]
            raise
        finally:
            self.records.db.execute("RELEASE call")
            self.open_transactions -= 1
        self._run_pending()

    def run_after_commit(self, work: Callable[[], None]) -> None:
        """Runs the work as soon as no transaction is open. If its transaction is rolled back, it never runs."""
        self.after_commit.append(work)
        self._run_pending()

    def _run_pending(self) -> None:
        while self.after_commit and not self.open_transactions:
            self.after_commit.pop(0)()

    def next_number(self, series: str) -> str:
        """The next free number of a number series. Numbers that a client chose itself are skipped."""
        number = ""
        while not number or self.find(series, "number", number):
            number = f"{SERIES[series]}{self.records.next_value(series):05d}"
        return number

    def new_id(self, entity: str) -> str:
        """An id that is the same in every sandbox with the same seed and calls."""
        counted = self.records.next_value("id " + entity)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{entity}/{counted}"))

    def tax_rate(self, code: str) -> Decimal:
        """The VAT rate in per cent of a tax group (AL: VAT product posting group)."""
        return Decimal(VAT_RATES.get(code, 0))

    def empty(self, entity: str) -> Record:
        """A record of an entity set with nothing filled in."""
        if entity not in self.empty_records:
            self.empty_records[entity] = {
                name: empty_value(facts)
                for name, facts in self.schema[entity].fields.items()
                if facts.get("edm") != "Edm.Stream"
            }
        return dict(self.empty_records[entity])

    def add(self, entity: str, values: Record, sent: Record | None = None) -> Record:
        """Stores a new record and tells the watchers. `sent` is what a client sent; it goes into the log of writes."""
        record = self.empty(entity) | values
        key = self.schema[entity].key
        if record.get(key) in ("", ZERO_GUID, None):
            record[key] = self.new_id(entity)
        self._stamp(record)
        record, text = _with_etag_and_text(record)
        self.records.insert(entity, self._stored_id(entity, record), text)
        self._notify("POST", entity, record, "created", sent)
        for mirror in self.mirrors.get(entity, ()):
            mirror(record, "created", True)
        return record

    def change(self, entity: str, record: Record, stamp: bool = True, sent: Record | None = None) -> Record:
        """Stores a changed record.

        Without `stamp` its modification time stays and no watcher hears of it: only calculated fields changed.
        """
        if stamp:
            self._stamp(record)
        record, text = _with_etag_and_text(record)
        self.records.replace(entity, self._stored_id(entity, record), text)
        if stamp:
            self._notify("PATCH", entity, record, "updated", sent)
        for mirror in self.mirrors.get(entity, ()):
            mirror(record, "updated", stamp)
        return record

    def drop(self, entity: str, record: Record, sent: bool = False) -> None:
        """Deletes a record and tells the watchers. `sent` says that a client asked for it, so it is logged."""
        self.records.delete(entity, self._stored_id(entity, record))
        self._notify("DELETE", entity, record, "deleted", {} if sent else None)
        for mirror in self.mirrors.get(entity, ()):
            mirror(record, "deleted", True)

    def hide(self, entity: str, record_id: str, fields: Record) -> None:
        """Notes fields of a record that BC has and the API does not show. Without fields, the note is deleted.

        `GET /__state` shows them beside the entity sets, as `{entity}.hidden`.
        """
        noted = {"id": record_id} | fields
        self.with_notes[entity] = True
        self.records.put(f"{entity}.hidden", record_id, dumps(noted).decode() if fields else None)

    def hidden(self, entity: str, record_id: str) -> Record:
        """The fields of a record that were noted with `hide`.

        Rules ask for them with every line of every document, and most entity sets have none.
        """
        if entity not in self.with_notes:
            self.with_notes[entity] = bool(self.records.select(f"{entity}.hidden", limit=1))
        if not self.with_notes[entity]:
            return {}
        return self.records.get(f"{entity}.hidden", record_id) or {}

    def log(self, method: str, entity: str, record: Record, sent: Record) -> None:
        """Adds an accepted write to the log of writes."""
        key = record.get("number") or record.get("code") or record.get(self.schema[entity].key, "")
        self.records.log_write(self.now(), method, entity, str(key), self.request_id, sent)

    def get(self, entity: str, record_id: str) -> Record | None:
        """The record with an id."""
        return self.records.get(entity, record_id)

    def find(self, entity: str, field: str, value: object) -> Record | None:
        """The first record with a value in a field."""
        return self.records.find(entity, field, value)

    def all(self, entity: str, field: str, value: object) -> list[Record]:
        """All records with a value in a field."""
        return self.records.select(entity, f"json_extract(body, '$.{field}') = ?", [value])

    def _stored_id(self, entity: str, record: Record) -> str:
        """The id under which a record is stored.

        A dimension set line has the id of its dimension, and every parent has such lines. So the parent is added.
        """
        own = str(record[self.schema[entity].key])
        return f"{record['parentId']}/{own}" if entity == "dimensionSetLines" else own

    def _stamp(self, record: Record) -> None:
        for name in STAMPS:
            if name in record:
                record[name] = self.now()

    def _notify(self, method: str, entity: str, record: Record, kind: str, sent: Record | None) -> None:
        if sent is not None:
            self.log(method, entity, record, sent)
        self.tell(entity, record, kind)

    def tell(self, entity: str, record: Record, kind: str) -> None:
        """Tells the watchers that a record was created, updated or deleted, once no transaction is open."""
        for watcher in self.watchers:
            self.run_after_commit(partial(watcher, entity, record, kind))


def amount(value: Any) -> Decimal:
    """A stored number as a Decimal. An empty one is 0."""
    return Decimal(str(value or 0))

"""Mapping: records of 25 fields are mapped to payload and hash, then classified against the hashes that were sent last.

The mapping uses five lookups, text formulas, decimals and dates.

Usage: python benchmarks/mapping.py [--rows N] ours|pydantic|pandas   (see run.py)
All three tools begin with the staged table in DuckDB and end with a mapped table there. They make the same payloads,
which is checked on the first hundred. Ours does more: it names the rule that a record breaks, and keeps create and
update apart.
Prints one JSON line: rows, seconds, classify_seconds, digest of the first payloads, peak_rss_mb.
"""

import argparse
import hashlib
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson

# Lookup tables: target value by source value.
LOOKUPS = {
    "countries": {code: code for code in ("NL", "BE", "DE", "FR", "GB", "SE")},
    "currencies": {"EUR": "EUR", "USD": "USD"},
    "payment_terms": {"invoice": "30 DAYS", "ideal": "14 DAYS", "paypal": "14 DAYS", "creditcard": "COD"},
    "shipment_methods": {"pickup": "PICKUP", "courier": "DELIVERY"},
    "agents": {"webshop": "WEB", "shop": "SHOP"},
}
TABLE = """target_field,source,default,when,required,note
externalDocumentNumber,'WS-' || upper(trim(ordernr)),,create,yes,
orderDate,to_date(orderdate),,create,yes,
postingDate,"to_date(modified, 'Europe/Amsterdam')",,create,,
requestedDeliveryDate,"add_days(to_date(orderdate), 3)",,create,,
customerNumber,'WS' || customerid,,create,yes,
shipToName,"join_name(fname, lname)",,always,yes,
shipToAddressLine1,"trim(concat(street, ' ', streetnr))",,always,,
shipToPostCode,zip,,always,,
shipToCity,city,,always,,
shipToCountry,"lookup('countries', countryISO)",,always,,
sellToAddressLine1,street,,always,,
sellToPostCode,zip,,always,,
sellToCity,city,,always,,
sellToCountry,countryISO,,always,,
currencyCode,"lookup('currencies', currency)",,always,,
paymentTermsId,"lookup('payment_terms', paymentmethod)",,always,,
shipmentMethodId,"lookup('shipment_methods', shippingmethod)",,always,,
salesperson,"lookup('agents', channel)",,always,,
email,normalise_email(email),,always,yes,
phoneNumber,phone,,always,,
discountAmount,discount,,always,,
quantity,amount,,always,yes,
unitPrice,"round(add_vat(single_price, vatrate), 2)",,always,yes,
discountPercent,reduction,,always,,
description,"truncate(description, 100)",,always,,
"""
TEXTS = """ordernr orderdate customerid fname lname street streetnr zip city countryISO currency paymentmethod
    shippingmethod channel email phone description""".split()
AMOUNTS = "discount amount single_price vatrate reduction total shippingcost".split()
# Field lengths of Business Central, for the peer that checks them by hand.
LENGTHS = {
    "externalDocumentNumber": 35, "customerNumber": 20, "shipToName": 100, "shipToAddressLine1": 100,
    "shipToPostCode": 20, "shipToCity": 30, "shipToCountry": 10, "sellToAddressLine1": 100, "sellToPostCode": 20,
    "sellToCity": 30, "sellToCountry": 10, "currencyCode": 10, "salesperson": 20, "email": 80, "phoneNumber": 30,
    "description": 100,
}  # fmt: skip
ZONE, CENT = ZoneInfo("Europe/Amsterdam"), Decimal("0.01")
FIELDS = {**dict.fromkeys(TEXTS, "text"), **dict.fromkeys(AMOUNTS, "decimal"), "modified": "datetime"}
CHUNK = 20_480  # records at a time for the peers: ten of DuckDB's vectors of 2,048
Chunks = Iterator[tuple[list[str], list[str]]]
# Record i of the staging table.
ROWS = """
SELECT
  'w' || i AS ordernr,
  strftime(DATE '2024-01-01' + (i % 900)::INTEGER, '%Y-%m-%d') || ' 08:35:25' AS orderdate,
  (100000 + i % 50000)::VARCHAR AS customerid,
  'Anna' AS fname,
  'Klein ' || (i % 997) AS lname,
  'Kerkweg' AS street,
  (i % 200)::VARCHAR AS streetnr,
  '3511 AB' AS zip,
  'Utrecht' AS city,
  ['NL', 'BE', 'DE', 'FR', 'GB', 'SE'][i % 6 + 1] AS "countryISO",
  ['EUR', 'USD'][i % 2 + 1] AS currency,
  ['invoice', 'ideal', 'paypal', 'creditcard'][i % 4 + 1] AS paymentmethod,
  ['pickup', 'courier'][i % 2 + 1] AS shippingmethod,
  ['webshop', 'shop'][i % 2 + 1] AS channel,
  ' Anna.Klein.' || i || '@Mail.example' AS email,
  '030-' || (1000000 + i) AS phone,
  'Article number ' || i || ' of good quality' AS description,
  (i % 300) / 100 AS discount,
  i % 9 + 1 AS amount,
  (i % 90000) / 100 AS single_price,
  [9, 21][i % 2 + 1] AS vatrate,
  i % 30 AS reduction,
  12.34 AS total,
  4.95 AS shippingcost,
  TIMESTAMPTZ '2025-01-01 00:00:00Z' + to_seconds(i * 37 % 40000000) AS modified
FROM range({rows}) AS r(i)
"""


def staged(path: Path, rows: int) -> None:
    """Makes the staging table, with so many records."""
    from winbc_pipeline.staging.load import StagingTable, create
    from winbc_pipeline.staging.store import Store

    with Store(path).open() as connection:
        create(connection, StagingTable("staging", FIELDS, ("ordernr",), "modified"))
        connection.execute(f"""
            INSERT INTO staging BY NAME
            SELECT
                *, ordernr AS _key, modified AS _modified_at, modified::DATE AS _window, 1 AS _version,
                [] AS _bad_fields
            FROM ({ROWS.format(rows=rows)})""")


def canonical(payload: str) -> str:
    """A payload in a form that all three tools share: sorted, numbers by value, without empty fields."""
    fields = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
    filled = {name: value for name, value in fields.items() if value not in (None, "")}
    return json.dumps(filled, default=lambda number: f"{number:.5f}", sort_keys=True)


def digest(payloads: list[str]) -> str:
    return hashlib.md5("\n".join(map(canonical, payloads)).encode(), usedforsecurity=False).hexdigest()


def written_tables(folder: Path) -> tuple[Path, Path]:
    """The mapping table, and the folder of the lookup tables."""
    table, lookups = folder / "table.csv", folder / "lookups"
    table.write_text(TABLE)
    lookups.mkdir()
    for name, values in LOOKUPS.items():
        rows = "".join(f"{source},{target},\n" for source, target in values.items())
        (lookups / f"{name}.csv").write_text("source_value,target_value,note\n" + rows)
    return table, lookups


def ours(path: Path, limit_mb: int) -> dict[str, Any]:
    from winbc_pipeline.flows import ORDERS_TO_BC as FLOW
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.staging.store import create_table
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.map import MAPPED, mapped_table

    table, lookups = written_tables(path.parent)
    settings = Settings(data_folder=path.parent.parent, memory_limit_mb=limit_mb)
    with ConnectedFlow(FLOW, settings).store.open() as connection:
        create_table(connection, mapped_table(FLOW), MAPPED)
        ledger.create(connection)
        connection.execute("SELECT ?", [1])  # the first bound value of a process imports pandas
    seconds = mapped_by_us(settings, table, lookups)
    classify, payloads = classified_by_us(settings)
    return {"seconds": seconds + classify, "classify_seconds": classify, "digest": digest(payloads)}


def mapped_by_us(settings: Any, table: Path, lookups: Path) -> float:
    """Seconds that compiling the table and mapping all records take."""
    from winbc_pipeline.flows import ORDERS_TO_BC as FLOW
    from winbc_pipeline.mapping.compiler import compile_table
    from winbc_pipeline.mapping.custom import load_functions
    from winbc_pipeline.mapping.execute import fill_joined_tables
    from winbc_pipeline.mapping.tables import read_table
    from winbc_pipeline.staging.store import lock_down
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.map import create_source_view, mapped_table, mapping_connection
    from winbc_pipeline.systems.business_central import entity_fields

    target = {**entity_fields("salesOrderLines"), **entity_fields("salesOrders")}
    began = time.monotonic()
    with mapping_connection(ConnectedFlow(FLOW, settings)) as connection:
        lock_down(connection)
        files = {path.stem: path for path in lookups.glob("*.csv")}
        compiled = compile_table(read_table(table), FIELDS, target, files, {}, load_functions(None))
        create_source_view(connection, replace(FLOW.part("order_line"), where="true"), compiled, "staging", "true")
        fill_joined_tables(connection, compiled.steps, compiled.lookups)
        connection.execute(f"INSERT INTO {mapped_table(FLOW)} SELECT 'order_line', *, 'v' FROM ({compiled.select})")
    return time.monotonic() - began


def classified_by_us(settings: Any) -> tuple[float, list[str]]:
    """Seconds that classifying takes when a tenth of the records has changed, and the first hundred payloads."""
    from winbc_pipeline.flows import ORDERS_TO_BC as FLOW
    from winbc_pipeline.staging.store import rows_of
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.map import mapped_table, mapped_with_ledger

    mapped, everything = mapped_table(FLOW), [date(2000, 1, 1), date(2100, 1, 1)]
    with ConnectedFlow(FLOW, settings).store.open() as connection:
        assert rows_of(connection, f"FROM {mapped} WHERE len(errors) > 0") == []
        connection.execute(f"""
            INSERT INTO ledger BY NAME
            SELECT
                part, _key AS key, 'CONFIRMED' AS state,
                CASE WHEN hash(_key) % 10 = 0 THEN 'old' ELSE hash END AS hash
            FROM {mapped}""")
        changed = f"SELECT part, _key FROM ({mapped_with_ledger(FLOW)}) WHERE NOT unchanged"
        began = time.monotonic()
        connection.execute(f"CREATE TABLE changed AS {changed}", everything)
        seconds = time.monotonic() - began
        first = f"SELECT creates FROM {mapped} WHERE length(_key) < 4 ORDER BY CAST(_key[2:] AS INTEGER) LIMIT 100"
        return seconds, [row["creates"] for row in rows_of(connection, first)]


def text(longest: int, pattern: str | None = None) -> Any:
    from pydantic import StringConstraints

    return Annotated[str, StringConstraints(max_length=longest, pattern=pattern)]


def payload_model() -> Any:
    """The pydantic model of a payload."""
    from pydantic import BaseModel

    class Payload(BaseModel):
        externalDocumentNumber: text(35)
        orderDate: date
        postingDate: date
        requestedDeliveryDate: date
        customerNumber: text(20)
        shipToName: text(100)
        shipToAddressLine1: text(100)
        shipToPostCode: text(20)
        shipToCity: text(30)
        shipToCountry: text(10)
        sellToAddressLine1: text(100)
        sellToPostCode: text(20)
        sellToCity: text(30)
        sellToCountry: text(10)
        currencyCode: text(10)
        paymentTermsId: str
        shipmentMethodId: str
        salesperson: text(20)
        email: text(80, r"^[^@\s]+@[^@\s]+$")
        phoneNumber: text(30)
        discountAmount: Decimal
        quantity: Decimal
        unitPrice: Decimal
        discountPercent: Decimal
        description: text(100)

    return Payload


def payload_of(r: dict[str, Any], model: Any) -> str:
    """The payload of one record, checked by the model."""
    ordered = date.fromisoformat(r["orderdate"][:10])
    price = (r["single_price"] * (100 + r["vatrate"]) / 100).quantize(CENT, ROUND_HALF_UP)
    payload = model(
        externalDocumentNumber="WS-" + r["ordernr"].strip().upper(),
        orderDate=ordered,
        postingDate=r["modified"].astimezone(ZONE).date(),
        requestedDeliveryDate=ordered + timedelta(days=3),
        customerNumber="WS" + r["customerid"],
        shipToName=" ".join(f"{r['fname']} {r['lname']}".split()),
        shipToAddressLine1=f"{r['street']} {r['streetnr']}".strip(),
        shipToPostCode=r["zip"],
        shipToCity=r["city"],
        shipToCountry=LOOKUPS["countries"][r["countryISO"]],
        sellToAddressLine1=r["street"],
        sellToPostCode=r["zip"],
        sellToCity=r["city"],
        sellToCountry=r["countryISO"],
        currencyCode=LOOKUPS["currencies"][r["currency"]],
        paymentTermsId=LOOKUPS["payment_terms"][r["paymentmethod"]],
        shipmentMethodId=LOOKUPS["shipment_methods"][r["shippingmethod"]],
        salesperson=LOOKUPS["agents"][r["channel"]],
        email=r["email"].strip().lower().removeprefix("mailto:"),
        phoneNumber=r["phone"],
        discountAmount=r["discount"],
        quantity=r["amount"],
        unitPrice=price,
        discountPercent=r["reduction"],
        description=r["description"][:100],
    )
    return orjson.dumps(payload.model_dump(), default=float).decode()


def per_row(cursor: Any) -> Chunks:
    """The same table by hand: a function per record, whose result is checked by a pydantic model."""
    model = payload_model()
    cursor.execute(f"SELECT {', '.join(FIELDS)} FROM staging ORDER BY rowid")
    while found := cursor.fetchmany(CHUNK):
        rows = [dict(zip(FIELDS, row, strict=True)) for row in found]
        yield [row["ordernr"] for row in rows], [payload_of(row, model) for row in rows]


def frame_of(s: Any) -> Any:
    """The payloads of a chunk of records as a frame, made column by column; amounts are decimals."""
    import pandas

    for name in AMOUNTS:  # read as texts: DuckDB would give doubles
        s[name] = [Decimal(value) for value in s[name]]
    t = pandas.DataFrame()
    ordered = pandas.to_datetime(s.orderdate.str[:10])
    t["externalDocumentNumber"] = "WS-" + s.ordernr.str.strip().str.upper()
    t["orderDate"] = ordered.dt.strftime("%Y-%m-%d")
    t["postingDate"] = s.modified.dt.tz_convert("Europe/Amsterdam").dt.strftime("%Y-%m-%d")
    t["requestedDeliveryDate"] = (ordered + pandas.Timedelta(days=3)).dt.strftime("%Y-%m-%d")
    t["customerNumber"] = "WS" + s.customerid
    t["shipToName"] = (s.fname + " " + s.lname).str.replace(r"\s+", " ", regex=True).str.strip()
    t["shipToAddressLine1"] = (s.street + " " + s.streetnr).str.strip()
    t["shipToPostCode"], t["shipToCity"] = s.zip, s.city
    t["shipToCountry"] = s.countryISO.map(LOOKUPS["countries"])
    t["sellToAddressLine1"], t["sellToPostCode"] = s.street, s.zip
    t["sellToCity"], t["sellToCountry"] = s.city, s.countryISO
    t["currencyCode"] = s.currency.map(LOOKUPS["currencies"])
    t["paymentTermsId"] = s.paymentmethod.map(LOOKUPS["payment_terms"])
    t["shipmentMethodId"] = s.shippingmethod.map(LOOKUPS["shipment_methods"])
    t["salesperson"] = s.channel.map(LOOKUPS["agents"])
    t["email"] = s.email.str.strip().str.lower().str.removeprefix("mailto:")
    t["phoneNumber"], t["discountAmount"], t["quantity"] = s.phone, s.discount, s.amount
    gross = s.single_price * (100 + s.vatrate) / 100
    t["unitPrice"] = [price.quantize(CENT, ROUND_HALF_UP) for price in gross]
    t["discountPercent"], t["description"] = s.reduction, s.description.str[:100]
    return t


def payloads_of(t: Any) -> list[str]:
    """The rows of a frame as JSON; lengths and the form of e-mail addresses are checked."""
    wrong = ~t.email.str.fullmatch(r"[^@\s]+@[^@\s]+")
    for name, longest in LENGTHS.items():
        wrong |= t[name].str.len() > longest
    assert not wrong.any() and not t.isna().any().any()
    return [orjson.dumps(row, default=float).decode() for row in t.to_dict("records")]


def by_columns(cursor: Any) -> Chunks:
    """The same table in pandas, column by column."""
    texts = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" if name in AMOUNTS else name for name in FIELDS)
    cursor.execute(f"SELECT {texts} FROM staging ORDER BY rowid")
    while len(frame := cursor.fetch_df_chunk(CHUNK // 2048)):
        yield list(frame.ordernr), payloads_of(frame_of(frame))


def peer(path: Path, mapped: Callable[[Any], Chunks]) -> dict[str, Any]:
    """Maps with a peer: in chunks that are read, mapped, hashed, and loaded in the fastest way that DuckDB has."""
    import duckdb
    import pandas  # noqa: F401 - DuckDB would import it while the clock runs

    lines = path.parent / "mapped.jsonl"
    columns = "{key: 'VARCHAR', payload: 'VARCHAR', hash: 'VARCHAR'}"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE mapped (key VARCHAR, payload VARCHAR, hash VARCHAR)")
        began = time.monotonic()
        for keys, payloads in mapped(connection.cursor()):
            hashes = [hashlib.md5(payload.encode()).hexdigest() for payload in payloads]  # noqa: S324
            made = [{"key": k, "payload": p, "hash": h} for k, p, h in zip(keys, payloads, hashes, strict=True)]
            lines.write_bytes(b"\n".join(map(orjson.dumps, made)))
            connection.execute(f"INSERT INTO mapped FROM read_json('{lines}', columns = {columns})")
        seconds = time.monotonic() - began
        old = "CASE WHEN hash(key) % 10 = 0 THEN 'old' ELSE hash END"
        connection.execute(f"CREATE TABLE sent AS SELECT key, {old} AS hash FROM mapped")
        began = time.monotonic()
        changed = "SELECT key FROM mapped JOIN sent USING (key) WHERE sent.hash <> mapped.hash"
        connection.execute(f"CREATE TABLE changed AS {changed}")
        classify = time.monotonic() - began
        first = "SELECT payload FROM mapped WHERE length(key) < 4 ORDER BY CAST(key[2:] AS INTEGER) LIMIT 100"
        payloads = [row[0] for row in connection.execute(first).fetchall()]
    return {"seconds": seconds + classify, "classify_seconds": classify, "digest": digest(payloads)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=["ours", "pydantic", "pandas"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-limit-mb", type=int, default=512)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "default" / "orders_winstore_to_bc.duckdb"
        staged(path, asked.rows)
        if asked.tool == "ours":
            figures = ours(path, asked.memory_limit_mb)
        else:
            figures = peer(path, {"pydantic": per_row, "pandas": by_columns}[asked.tool])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"rows": asked.rows, "peak_rss_mb": peak} | figures))


if __name__ == "__main__":
    main()

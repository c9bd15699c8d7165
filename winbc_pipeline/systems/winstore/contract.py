"""Checks call by call whether a Winstore answers as the contract says (docs/winstore-contract.md). It only reads.

The findings name calls and fields, never their values, so that a customer can send the list to somebody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Literal

from ... import clock
from ...errors import WinbcError
from .client import Winstore
from .profile import EntityProfile
from .rows import Row, exploded, records_in

Outcome = Literal["pass", "fail", "assumed, holds", "assumed, does not hold", "not seen", "not tried"]
JSON, XML = "application/json", "application/xml"
FEW = 100  # records of an answer, where it can be divided
BEGINNING = "2000-01-01T00:00:00+00:00"
ANY_CAPITALS = ("email", "sku")  # fields that are found whatever their capitals
NOBODY = "9" * 18  # a value that no record has
LOOK_BACK = timedelta(days=30)  # enough to find records, and not all of them


@dataclass(frozen=True)
class Finding:
    """The result of checking one call; `detail` says why."""

    call: str
    outcome: Outcome
    detail: str


def examine(winstore: Winstore) -> Iterator[Finding]:
    """Tries every reading call of the contract. Writing calls are listed, but not tried."""
    since = (clock.now() - LOOK_BACK).isoformat(timespec="seconds")
    some = {name: list(_some(winstore, name)) for name in ("articles", "customers")}
    for name, profile in winstore.profile.reads.items():
        yield _finding(winstore, profile.call, profile.known, partial(_entity, winstore, name, profile, since))
    for entity, find in winstore.profile.finds.items():
        for field in find.by:
            shown, key = f"{find.call} by {field}", _example(some.get(entity, []), field)
            if key:
                yield _finding(winstore, shown, find.known, partial(_look_up, winstore, entity, field, key))
            else:
                yield Finding(shown, "not tried", f"none of the {entity} has {field} to ask for")
    for picture in winstore.profile.pictures.values():
        yield _finding(winstore, picture.call, picture.known, partial(_picture, winstore, some["articles"]))
    # Calls that the program does not need, but that the contract names: call, parameters, path to the records.
    article = {name: _example(some["articles"], name) for name in ("artkey", "gtin", "supplierid")}
    fixed: list[tuple[str, dict[str, str], str]] = [
        ("GetSuppliers", {}, "suppliers.supplier"),
        ("GetArticleDataBySupplierId", {"id": article["supplierid"]}, "articles.article"),
        ("GetStock", {"type": "byArtikelKey", "artkey": article["artkey"]}, "stocks.stock"),
        ("GetStock", {"type": "byGtin", "gtin": article["gtin"]}, "stocks.stock"),
        ("GetChangedStock", {"date": since}, "stocks.stock"),
    ]
    for call, asked, path in fixed:
        shown = f"{call} {asked['type']}" if "type" in asked else call
        if "" in asked.values():
            yield Finding(shown, "not tried", "no article was found to ask for")
        else:
            yield _finding(winstore, shown, "verified", partial(_fixed, winstore, call, asked, path))
    for write in winstore.profile.writes.values():
        yield Finding(write.call, "not tried", f"it writes ({write.known})")


def _finding(winstore: Winstore, call: str, known: str, attempt: Callable[[], str]) -> Finding:
    """Makes an attempt, which returns a detail or raises."""
    if winstore.transport.pausing:
        return Finding(call, "not tried", "Winstore did not answer the call before")
    try:
        detail, good = attempt(), True
    except _Nothing as nothing:
        return Finding(call, "not seen", str(nothing))
    except WinbcError as error:
        detail, good = str(error), False
    except _Broken as broken:
        detail, good = str(broken), False
    if known == "assumed":
        return Finding(call, "assumed, holds" if good else "assumed, does not hold", detail)
    return Finding(call, "pass" if good else "fail", detail)


class _Broken(Exception):
    """The answer is not as the contract says."""


class _Nothing(Exception):
    """The answer has no record, so the contract cannot be checked."""


def _entity(winstore: Winstore, name: str, profile: EntityProfile, since: str) -> str:
    """Reads an entity in JSON and in XML and checks keys, modification moments and types."""
    asked = _few(profile, since)
    in_json, in_xml = (_rows(winstore, profile.call, asked, accept, profile.records) for accept in (JSON, XML))
    rows = [flat for row in in_json for flat in exploded(row, profile)]
    if len(in_json) != len(in_xml):
        raise _Broken(f"{len(in_json)} {name} in JSON, {len(in_xml)} in XML")
    if not rows:
        raise _Nothing(f"no {name} of the last {LOOK_BACK.days} days")
    required = (*profile.key, profile.modified)
    missing = [field for field in required if not all(row.get(field) for row in rows)]
    if missing:
        raise _Broken(f"without {', '.join(missing)}")
    wrong = [field for field, kind in profile.fields.items() if not all(_is(kind, row.get(field)) for row in rows)]
    if wrong:
        raise _Broken(f"not of their type: {', '.join(wrong)}")
    if profile.limit and (problem := _no_chunk(in_json, profile)):
        raise _Broken(problem)
    if profile.after:
        behind = {profile.after: profile.position(in_json[0])}
        if _rows(winstore, profile.call, asked | behind, JSON, profile.records)[:1] == in_json[:1]:
            raise _Broken(f"does not know `{profile.after}`: remove it from the profile")
    return f"{len(rows)} {name} of the last {LOOK_BACK.days} days, the same in JSON and XML"


def _few(profile: EntityProfile, since: str) -> dict[str, str]:
    """The parameters that ask for a few of the records that changed since a moment, where the answer can be divided."""
    asked = {profile.since: since, **profile.always}
    if profile.limit:
        return asked | {profile.limit: str(FEW)}
    if profile.page and profile.page_size:
        return asked | {profile.page: "1", profile.page_size: str(FEW)}
    return asked


def _no_chunk(rows: list[Row], profile: EntityProfile) -> str:
    """In words, why an answer is no chunk; empty when it is one."""
    if len(rows) > FEW:
        return f"{len(rows)} records where `{profile.limit}` asks for {FEW}"
    moments = [datetime.fromisoformat(str(row[profile.modified])) for row in rows]
    return "" if moments == sorted(moments) else f"not ordered by {profile.modified}"


def _fixed(winstore: Winstore, call: str, asked: dict[str, str], path: str) -> str:
    in_json, in_xml = (_rows(winstore, call, asked, accept, path) for accept in (JSON, XML))
    if len(in_json) != len(in_xml):
        raise _Broken(f"{len(in_json)} records in JSON, {len(in_xml)} in XML")
    if not in_json:
        raise _Nothing("no record came")
    return f"{len(in_json)} records, the same in JSON and XML"


def _rows(winstore: Winstore, call: str, asked: dict[str, str], accept: str, path: str) -> list[Row]:
    return records_in(winstore.ask(call, asked, accept), call, path)


def _look_up(winstore: Winstore, entity: str, field: str, key: str) -> str:
    """Looks a record up that is there, in JSON and in XML, and a value that nobody has."""
    find, profile = winstore.profile.find(entity, field), winstore.profile.entity(entity)

    def found(value: str, accept: str) -> list[Row]:
        records = _rows(winstore, find.call, {find.by[field]: value}, accept, find.records)
        return [row for record in records for row in exploded(record, profile)]

    for accept in (JSON, XML):
        if not any(str(row.get(field)) == key for row in found(key, accept)):
            raise _Broken(f"does not find what is there by {field} ({accept})")
    if field in ANY_CAPITALS and not found(key.swapcase(), JSON):
        raise _Broken(f"capitals make a difference in {field}")
    if found(NOBODY, JSON):
        raise _Broken(f"finds something by a {field} that nobody has")
    return f"finds what is there by {field}, the same in JSON and XML"


def _picture(winstore: Winstore, articles: list[Row]) -> str:
    """Reads the picture of an article that has one."""
    key = next((str(row["artkey"]) for row in articles if row.get("picture") and row.get("artkey")), "")
    if not key:
        raise _Nothing(f"no article with a picture among {len(articles)}")
    if not winstore.picture(key):
        raise _Broken("an article with a picture has none")
    return "the picture of an article came"


def _some(winstore: Winstore, entity: str) -> Iterator[Row]:
    """A few records of an entity, to ask for their values; none where they cannot be read.

    An article without variants is left out, because it has no SKU to ask for.
    """
    try:
        profile = winstore.profile.entity(entity)
        for record in _rows(winstore, profile.call, _few(profile, BEGINNING), profile.accept, profile.records):
            rows = exploded(record, profile)
            yield from (row for row in rows if not profile.count or row.get(profile.count) != "0")
    except WinbcError:
        return


def _example(rows: list[Row], field: str) -> str:
    """The first value that a field has; empty without one."""
    return next((str(row[field]) for row in rows if row.get(field)), "")


def _is(kind: str, value: object) -> bool:
    """Whether a value is empty or of its type."""
    if value in (None, "") or kind == "text":
        return True
    try:
        if kind == "decimal":
            return Decimal(str(value)).is_finite()
        if kind == "datetime":
            return datetime.fromisoformat(str(value)).tzinfo is not None
    except (InvalidOperation, ValueError):
        return False
    return str(value).lower() in ("true", "false")

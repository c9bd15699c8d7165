"""Whatever is sent, the answer is a right one or an error in BC's form; never a 500."""

import base64
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winbc_pipeline.sandbox.bc.api import Api
from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.bc.data.company import Company
from winbc_pipeline.sandbox.bc.data.schema import ZERO_GUID, load_schema
from winbc_pipeline.sandbox.bc.extensions.description import read_description
from winbc_pipeline.sandbox.bc.odata.call import Call
from winbc_pipeline.sandbox.bc.odata.query import sortable
from winbc_pipeline.sandbox.bc.odata.reading import NEEDS_PARENT
from winbc_pipeline.sandbox.bc.v1 import load_v1
from winbc_pipeline.sandbox.server import running

from ..companion import companion
from ..conftest import LOGIN, Bc
from .test_v1 import V1 as V1Bc


class CompanionBc(Bc):
    """Calls to the API of the tests' app."""

    @property
    def base(self) -> str:
        return f"{self.root}/v2.0/sandbox/api/connector/winstore/v1.0"


SCHEMA = {name: entity for name, entity in load_schema().items() if name not in ("companies", "subscriptions")}
TEXT = st.text(max_size=40) | st.sampled_from(["", "MUG", "NL", "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01", "2026-02-30"])
VALUE = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | TEXT | st.just([])


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Bc]:
    with running(create_app()) as root, httpx.Client(timeout=30, trust_env=False) as http:
        token = http.post(f"{root}/sandbox-tenant/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield Bc(root, http)


@pytest.fixture(scope="module")
def fuzzed_v1() -> Iterator[Bc]:
    with running(create_app(options=Options(version=20))) as root, httpx.Client(timeout=30, trust_env=False) as http:
        token = http.post(f"{root}/sandbox-tenant/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield V1Bc(root, http)


def right(answer: httpx.Response) -> None:
    """A success, or an error body with code and message."""
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"]
        assert error["message"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("entity", sorted(SCHEMA))
def test_bodies(fuzzed: Bc, entity: str, data: st.DataObject) -> None:
    names = st.sampled_from([*SCHEMA[entity].fields, "unknown"])
    body = data.draw(st.dictionaries(names, VALUE, max_size=6) | VALUE)
    content = json.dumps(body)
    answer = fuzzed.http.post(fuzzed.url(entity), content=content, headers={"Content-Type": "application/json"})
    right(answer)
    if answer.status_code == 201:
        made: dict[str, Any] = answer.json()
        path = f"{entity}({made[SCHEMA[entity].key]})"
        change = json.dumps(data.draw(st.dictionaries(names, VALUE, max_size=3)))
        right(fuzzed.http.patch(fuzzed.url(path), content=change, headers={"If-Match": "*"}))
        right(fuzzed.http.get(fuzzed.url(path)))
        right(fuzzed.call("DELETE", path, If_Match="*"))


V1 = {name: facts for name, facts in load_v1().items() if not facts["onlyUnderParent"]}
INSIDE = st.recursive(
    VALUE,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["street", "city", "countryLetterCode", "postalCode", "code", "number", "quantity", "lineDetails"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("entity", sorted(V1))
def test_bodies_and_queries_of_v1(fuzzed_v1: Bc, entity: str, data: st.DataObject) -> None:
    facts = V1[entity]
    names = st.sampled_from([*facts["fields"], *facts["parts"], "unknown"])
    right(fuzzed_v1.http.post(fuzzed_v1.url(entity), content=json.dumps(data.draw(st.dictionaries(names, INSIDE)))))
    query = {"$expand": data.draw(names), "$select": data.draw(names), "$filter": f"{data.draw(names)} eq ' '"}
    chosen = data.draw(st.sets(st.sampled_from(sorted(query))))
    right(fuzzed_v1.http.get(fuzzed_v1.url(entity), params={name: query[name] for name in chosen}))


@pytest.fixture(scope="module")
def fuzzed_app() -> Iterator[Bc]:
    options = Options(extensions=(read_description(companion()),))
    with running(create_app(options=options)) as root, httpx.Client(timeout=30, trust_env=False) as http:
        token = http.post(f"{root}/sandbox-tenant/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        http.post(f"{root}/__seed", json={"records": {"items": [{"displayName": "Mug"}]}}).raise_for_status()
        yield CompanionBc(root, http)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("entity", sorted(companion()["entities"]))
def test_bodies_and_actions_of_an_app(fuzzed_app: Bc, entity: str, data: st.DataObject) -> None:
    described = companion()["entities"][entity]
    names = st.sampled_from([*described["fields"], *described.get("subpages", ()), "unknown"])
    body = st.dictionaries(names, VALUE | st.lists(st.dictionaries(names, VALUE, max_size=2), max_size=2), max_size=5)
    right(fuzzed_app.http.post(fuzzed_app.url(entity), content=json.dumps(data.draw(body))))
    for row in fuzzed_app.values(f"{entity}?$top=1"):
        path, headers = fuzzed_app.url(f"{entity}({row['id']})"), {"If-Match": "*"}
        right(fuzzed_app.http.patch(path, content=json.dumps(data.draw(body)), headers=headers))
        for action in described.get("actions", ()):
            arguments = json.dumps(data.draw(st.dictionaries(st.sampled_from(["reason", "x"]), VALUE)))
            right(fuzzed_app.http.post(f"{path}/Microsoft.NAV.{action}", content=arguments))
    query = {"$expand": data.draw(names), "$select": data.draw(names), "$filter": f"{data.draw(names)} eq 'a'"}
    right(fuzzed_app.http.get(fuzzed_app.url(entity), params=query))


OPTION = st.sampled_from(
    ["$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken", "company"]
)
PIECE = st.sampled_from(
    ["number", "id", " eq ", "'a'", "(", ")", "or", "and", " in ", "*", "1", "customer", ",", ";", "any", "/"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SCHEMA)), st.dictionaries(OPTION, st.lists(PIECE, max_size=6).map("".join), max_size=3))
def test_queries(fuzzed: Bc, entity: str, query: dict[str, str]) -> None:
    right(fuzzed.http.get(fuzzed.url(entity), params=query))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*sorted(SCHEMA), "$count", "picture", "x(", "()", "Microsoft.NAV.post"]), max_size=4))
def test_paths(fuzzed: Bc, parts: list[str]) -> None:
    right(fuzzed.http.get(fuzzed.url("/".join(parts))))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    VALUE
    | st.fixed_dictionaries(
        {
            "requests": st.lists(
                st.dictionaries(st.sampled_from(["id", "method", "url", "body", "headers"]), VALUE), max_size=3
            )
        }
    )
)
def test_batches(fuzzed: Bc, body: Any) -> None:
    right(fuzzed.http.post(f"{fuzzed.base}/$batch", content=json.dumps(body), headers={"Accept": "application/json"}))


def test_an_integer_beyond_64_bits_is_no_accident(fuzzed: Bc) -> None:
    right(fuzzed.http.post(f"{fuzzed.base}/$batch", content='{"requests": [{"id": -9223372036854775809}]}'))
    right(fuzzed.http.post(fuzzed.url("items"), content='{"unitPrice": 99999999999999999999}'))


PIECES = ["", "a", "'", '"', "%", "_", "*", "?", "[", "\\", "{", "\x7f", "\u2028", "\ufeff", "\uffff", "İ", "ß", "😀"]
PLACES = {  # values at the ends of what a type takes
    "Edm.Decimal": [0, -1, 0.1, 1e-7, 99999999999999.99, 10**14, -(10**14)],
    "Edm.Int32": [0, 1, -1, 2**31],
    "Edm.Boolean": [True, False],
    "Edm.Guid": [ZERO_GUID, ZERO_GUID.replace("0", "A")],
    "Edm.Date": ["0001-01-01", "9999-12-31", "2026-02-28"],
    "Edm.DateTimeOffset": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2026-01-01T00:00+14:00"],
}


class Unserved:
    """API v2.0 without a server: thousands of calls in a second."""

    def __init__(self) -> None:
        self.company = Company()
        self.api = Api(self.company, 20_000)

    def call(self, method: str, name: str, body: object = None, **query: str) -> tuple[int, Any]:
        headers, path = {"prefer": "odata.maxpagesize=5"}, f"companies({self.company.id})/{name}"
        options = {f"${option}": value for option, value in query.items()}
        call = Call(method, path, options, headers, json.dumps(body).encode(), "http://127.0.0.1/api/v2.0")
        reply = self.api.answer(call)
        return reply.status, json.loads(reply.content)

    def needed(self, fields: list[str]) -> dict[str, str]:
        """Other records that a record of these fields cannot do without."""
        customer = self.call("POST", "customers", {"displayName": "Jansen", "type": "Person"})[1]
        item = self.call("POST", "items", {"displayName": "Mug"})[1]
        vendor = self.call("POST", "vendors", {"displayName": "Pottery"})[1]
        journal, value = (self.company.records.select(name)[0] for name in ("journals", "dimensionValues"))
        payments = self.company.records.select("customerPaymentJournals")[0]
        known = {"customerId": customer["id"], "parentId": item["id"], "parentType": "Item", "itemId": item["id"]}
        known |= {"journalId": (payments if "appliesToInvoiceId" in fields else journal)["id"]}
        known |= {"itemNumber": item["number"], "dimensionId": value["dimensionId"], "dimensionValueId": value["id"]}
        known |= {"customerNumber": customer["number"], "vendorId": vendor["id"], "vendorNumber": vendor["number"]}
        return {field: known[field] for field in fields if field in known}


def drawn(chance: random.Random, facts: Mapping[str, Any]) -> object:
    values = facts.get("enum") or PLACES.get(facts.get("edm", ""))
    return chance.choice(values) if values else "".join(chance.choices(PIECES, k=3))


def literal(value: Any, facts: Mapping[str, Any]) -> str:
    if isinstance(value, str):
        is_bare = facts.get("edm") in ("Edm.Guid", "Edm.Date", "Edm.DateTimeOffset")
        return value if is_bare else "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else f"{value:f}"


def walked(api: Unserved, name: str, **query: str) -> list[Any]:
    """All rows of a list, page by page."""
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        status, page = api.call("GET", name, **query, **token)
        assert status == 200, (query, page)
        found += page["value"]
        if "@odata.nextLink" not in page:
            return found
        token = {"skiptoken": page["@odata.nextLink"].rpartition("$skiptoken=")[2]}


ALONE = sorted(name for name, entity in SCHEMA.items() if entity.insert and name not in NEEDS_PARENT)


@pytest.mark.parametrize("name", ALONE)
def test_what_was_taken_is_found_in_every_order_and_by_every_filter(name: str) -> None:
    api, entity, chance = Unserved(), SCHEMA[name], random.Random(name)
    writable = [field for field, facts in entity.fields.items() if not facts.get("readOnly")]
    needed = api.needed(writable)
    for number in range(30):
        own = {field: f"N{number}" for field in ("code", "displayName", "givenName", "fileName") if field in writable}
        chosen = chance.sample(writable, k=min(2, len(writable)))
        api.call("POST", name, own | {field: drawn(chance, entity.fields[field]) for field in chosen} | needed)
    rows = api.company.records.select(name)
    assert rows
    for field in (field for field in entity.fields if sortable(entity, field)):
        for direction in ("asc", "desc"):
            ids = [row[entity.key] for row in walked(api, name, orderby=f"{field} {direction}")]
            assert sorted(ids) == sorted(row[entity.key] for row in rows)
        for row in rows[:8]:
            found = walked(api, name, filter=f"{field} eq {literal(row[field], entity.fields[field])}")
            assert row[entity.key] in [one[entity.key] for one in found], (field, row[field])


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\0"])
def test_what_is_no_text_is_refused(fuzzed: Bc, text: str) -> None:
    """rules.md, Texts: a lone surrogate in a JSON text is no text."""
    content = json.dumps({"displayName": text, "type": "Person"})
    assert fuzzed.http.post(fuzzed.url("customers"), content=content).status_code == 400
    assert fuzzed.http.post(fuzzed.url("customers"), content='{"displayName": "\\ud83d\\ude00"}').status_code == 201
    token = base64.urlsafe_b64encode(json.dumps([text, 1]).encode()).decode()
    assert fuzzed.refusal("GET", f"customers?$orderby=displayName&$skiptoken={token}")[0] == 400
    assert (
        fuzzed.http.post(fuzzed.url("customers"), content=content.replace(json.dumps(text), '"😀"')).status_code == 201
    )

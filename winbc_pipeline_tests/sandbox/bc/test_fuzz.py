"""Whatever is sent, the answer is a right one or an error in BC's form; never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.bc.data.schema import load_schema
from winbc_pipeline.sandbox.bc.v1 import load_v1
from winbc_pipeline.sandbox.server import running

from ..conftest import LOGIN, Bc
from .test_v1 import V1 as V1Bc

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

"""A Business Central sandbox of one's own, and a client that does no more than send."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.systems.transport import authorities

from ..support.servers import Pool

ANY = {"If-Match": "*"}
LOGIN = {
    "grant_type": "client_credentials",
    "client_id": "winbc",
    "client_secret": "sandbox-secret",
    "scope": "https://api.businesscentral.dynamics.com/.default",
}


@dataclass
class Bc:
    """Calls to one sandbox; paths are relative to the company."""

    root: str
    http: httpx.Client

    @property
    def base(self) -> str:
        return f"{self.root}/v2.0/sandbox/api/v2.0"

    def url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.base}/companies({COMPANY_ID})/{path}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.url(path), json=body, headers=named)

    def get(self, path: str, **headers: str) -> Any:
        answer = self.call("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def values(self, path: str) -> list[dict[str, Any]]:
        return self.get(path)["value"]  # type: ignore[no-any-return]

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def patch(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.call("PATCH", path, body, If_Match="*")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def refusal(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, str]:
        """Status, code and message of an error."""
        answer = self.call(method, path, body, **headers)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"].split("  CorrelationId")[0]

    def batch(self, *requests: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Accept": "application/json"}
        answer = self.http.post(f"{self.base}/$batch", json={"requests": list(requests)}, headers=named)
        assert answer.status_code == 200, answer.text
        return answer.json()["responses"]  # type: ignore[no-any-return]

    def control(self, path: str, body: Any = None) -> Any:
        answer = self.http.request("GET" if body is None else "POST", f"{self.root}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def order(bc: Bc, customer: dict[str, Any], *lines: dict[str, Any], **header: Any) -> dict[str, Any]:
    """A draft order."""
    return bc.post("salesOrders", {"customerNumber": customer["number"], "salesOrderLines": list(lines)} | header)


def line_of(bc: Bc, document: dict[str, Any], entity: str = "salesOrders") -> dict[str, Any]:
    """A document's first line."""
    return bc.values(f"{entity}({document['id']})/{entity[:-1]}Lines")[0]


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(stack)


@pytest.fixture
def start(pool: Pool) -> Iterator[Callable[..., Bc]]:
    """Starts a sandbox with options, signed in."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Bc:
            root = stack.enter_context(pool.running(create_app(options=Options(**options))))
            http = stack.enter_context(httpx.Client(timeout=30, trust_env=False, verify=authorities()))
            token = http.post(f"{root}/sandbox-tenant/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            return Bc(root, http)

        yield begin


@pytest.fixture
def bc(start: Callable[..., Bc]) -> Bc:
    return start()


@pytest.fixture
def customer(bc: Bc) -> dict[str, Any]:
    return bc.post("customers", {"displayName": "Jansen", "type": "Person", "email": "j@mail.example", "country": "NL"})


@pytest.fixture
def item(bc: Bc) -> dict[str, Any]:
    body = {"number": "MUG", "displayName": "Mug", "unitPrice": 10, "taxGroupCode": "VAT21", "unitCost": 4}
    return bc.post("items", body | {"baseUnitOfMeasureCode": "PCS"})


def seeded(bc: Bc, count: int = 5) -> Bc:
    """Customers C0, C1, … in Gent and Utrecht by turns."""
    rows = [{"displayName": f"C{n}", "city": "Utrecht" if n % 2 else "Gent", "creditLimit": n} for n in range(count)]
    bc.control("__seed", {"records": {"customers": rows}})
    return bc


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["displayName"] for row in rows]

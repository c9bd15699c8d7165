"""Changes to the records of both sandboxes, as people make them, and whether each has reached the other side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

BC_CUSTOMER = "WS900001"
ORDER = (
    "<order><ordernr>{number}</ordernr><orderdate>{day} 10:00:00</orderdate><customerid>{customer}</customerid>"
    "<email>{email}</email><branch>1</branch><currency>EUR</currency><status>processing</status>"
    "<positions><position><product_id>{sku}</product_id><amount>1</amount><single_price>10</single_price>"
    "<vatrate>21</vatrate></position></positions></order>"
)
Record = dict[str, Any]
Seen = Callable[[], bool]


@dataclass
class Systems:
    """Both sandboxes, as their users see them."""

    addresses: dict[str, str]

    def __post_init__(self) -> None:
        given, self.numbers = self.addresses, iter(range(1, 10**6))
        # Shorter than the servers keep a connection, or a call may meet one that is just being closed.
        self.http = httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(keepalive_expiry=2))
        login = {"client_id": given["client_id"], "client_secret": given["client_secret"]}
        token = self.http.post(f"{given['authority']}/oauth2/v2.0/token", data=login).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        companies = self._bc("GET", f"{given['bc_base']}/companies")["value"]
        self.company = f"{given['bc_base']}/companies({companies[0]['id']})"
        self.shop = (given["winstore_user"], given["winstore_password"])

    def _bc(self, method: str, url: str, body: Record | None = None) -> Record:
        headers = self.headers | ({"If-Match": "*"} if method == "PATCH" else {})
        answer = self.http.request(method, url, json=body, headers=headers)
        assert answer.is_success, f"{method} {url}: {answer.text}"
        return answer.json() if answer.content else {}

    def found(self, entity_set: str, condition: str) -> list[Record]:
        return self._bc("GET", f"{self.company}/{entity_set}?$filter={condition}")["value"]  # type: ignore[no-any-return]

    def number_of_calls(self) -> dict[str, int]:
        """The calls that each system has answered so far."""
        logs = {name: f"{self.addresses[f'{name}_control']}/__log" for name in ("bc", "winstore")}
        return {name: len(self.http.get(url).json()["calls"]) for name, url in logs.items()}

    def in_shop(self, entity: str, **wanted: str) -> list[Record]:
        records = self.http.get(f"{self.addresses['winstore_control']}/__state").json()["records"].get(entity, [])
        return [each for each in records if all(str(each.get(name)) == value for name, value in wanted.items())]

    def post(self, call: str, body: str) -> None:
        answer = self.http.post(f"{self.addresses['winstore_base']}/{call}", content=body.encode(), auth=self.shop)
        assert "<statuscode>200" in answer.text, f"{call}: {answer.text}"

    # What people do, by the id of the flow that carries it. Each returns whether it has arrived.

    def price_in_shop(self) -> Seen:
        sku, price = self._sku(), self._price()
        self.post("PostArticle", f"<article><sku>{sku}</sku><price>{price}</price></article>")
        return lambda: self._item(sku)["unitPrice"] == price

    def price_in_books(self) -> Seen:
        sku, price = self._sku(), self._price()
        self._bc("PATCH", f"{self.company}/items({self._item(sku)['id']})", {"unitPrice": price})
        return lambda: any(
            float(row["price"]) == price
            for article in self.in_shop("articles")
            for row in article["variants"]
            if row["sku"] == sku
        )

    def phone_in_shop(self) -> Seen:
        number, phone = self._customer(), self._phone()
        self.post("PostCustomer", f"<customer><customerid>{number}</customerid><phone>{phone}</phone></customer>")
        return lambda: self.found("customers", f"number eq 'WS{number}'")[0]["phoneNumber"] == phone

    def phone_in_books(self) -> Seen:
        number, phone = self._customer(), self._phone()
        customer = self.found("customers", f"number eq 'WS{number}'")[0]
        self._bc("PATCH", f"{self.company}/customers({customer['id']})", {"phoneNumber": phone})
        return lambda: bool(self.in_shop("customers", customerid=number, phone=phone))

    def stock_in_shop(self) -> Seen:
        sku = self._sku()
        left, there = 200 + next(self.numbers), self.in_shop("stock", sku=sku)
        place = f"<warehouse>{there[0]['warehouse']}</warehouse>"
        self.post("PostStock", f"<stock><sku>{sku}</sku>{place}<quantity>{left}</quantity></stock>")
        rows = self.in_shop("stock", sku=sku)
        free = sum(float(row["quantity"]) - float(row["reserved"] or 0) for row in rows)
        return lambda: float(self._item(sku)["inventory"]) == free

    def order_in_shop(self) -> Seen:
        reference = self._order()
        return lambda: bool(self.found("salesOrders", f"externalDocumentNumber eq '{reference}'"))

    def order_in_books(self) -> Seen:
        line = {"lineType": "Item", "lineObjectNumber": self._sku(), "quantity": 1, "unitPrice": 10}
        customer = self.found("customers", f"number eq 'WS{self._customer()}'")[0]["number"]
        body = {"customerNumber": customer, "orderDate": date.today().isoformat(), "salesOrderLines": [line]}  # noqa: DTZ011
        made = self._bc("POST", f"{self.company}/salesOrders", body)
        self.http.post(f"{self.addresses['bc_control']}/__user", json={"do": "release", "id": made["id"]})
        return lambda: any(made["number"] in str(order) for order in self.in_shop("orders"))

    def shipped_in_books(self) -> Seen:
        """Ships an order that came from Winstore."""
        order = self.orders_there.pop()
        path = f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice"
        self._bc("POST", f"{self.company}/{path}", {})
        number = order["externalDocumentNumber"].removeprefix("WS-")
        return lambda: bool(self.in_shop("orders", ordernr=number, status="completed"))

    def completed_in_shop(self) -> Seen:
        order = self.orders_there.pop()["externalDocumentNumber"]
        number = order.removeprefix("WS-")
        self.post(
            "PostOrderStatus", f"<orderstatus><ordernr>{number}</ordernr><status>completed</status></orderstatus>"
        )
        return lambda: bool(self.found("salesInvoices", f"externalDocumentNumber eq '{order}'"))

    def make_orders(self, count: int) -> None:
        """Orders for statuses to come; `keep_orders` takes those that have arrived."""
        for _ in range(count):
            self._order()

    def keep_orders(self) -> None:
        there = self.found("salesOrders", "startswith(externalDocumentNumber, 'WS-F')")
        self.orders_there = [each for each in there if each["status"] != "Completed"]

    def _order(self) -> str:
        number, customer = f"F{next(self.numbers):05}", self._customer()
        email = self.in_shop("customers", customerid=customer)[0]["email"]
        day = date.today().isoformat()  # noqa: DTZ011
        self.post(
            "PostOrderWithStatusCode",
            ORDER.format(number=number, day=day, customer=customer, email=email, sku=self._sku()),
        )
        return f"WS-{number}"

    def _item(self, sku: str) -> Record:
        return self.found("items", f"number eq '{sku}'")[0]

    def _sku(self) -> str:
        """Another article each time."""
        return next(self._turns("skus", self._skus))

    def _skus(self) -> list[str]:
        return [row["sku"] for article in self.in_shop("articles") for row in article["variants"]]

    def _customer(self) -> str:
        customers = lambda: [each["customerid"] for each in self.in_shop("customers")]  # noqa: E731
        return next(self._turns("customers", customers))

    def _turns(self, name: str, all_of: Callable[[], list[str]]) -> Iterator[str]:
        known: dict[str, Iterator[str]] = self.__dict__.setdefault("known", {})
        if name not in known:
            wanted = all_of()
            known[name] = (each for _ in range(10**6) for each in wanted)
        return known[name]

    def _price(self) -> float:
        return round(10 + next(self.numbers) / 100, 2)

    def _phone(self) -> str:
        return f"+3130{2000000 + next(self.numbers)}"


CHANGES: dict[str, Callable[[Systems], Seen]] = {
    "products_winstore_to_bc": Systems.price_in_shop,
    "orders_winstore_to_bc": Systems.order_in_shop,
    "customers_winstore_to_bc": Systems.phone_in_shop,
    "stock_winstore_to_bc": Systems.stock_in_shop,
    "customers_bc_to_winstore": Systems.phone_in_books,
    "products_bc_to_winstore": Systems.price_in_books,
    "orders_bc_to_winstore": Systems.order_in_books,
    "order_status_bc_to_winstore": Systems.shipped_in_books,
    "order_status_winstore_to_bc": Systems.completed_in_shop,
}
"""A change for each flow that is on, by the id of the flow."""

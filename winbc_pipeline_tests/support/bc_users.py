"""Business Central as its users work in it: orders typed, released, shipped, posted, cancelled."""

from dataclasses import dataclass
from typing import Any

from winbc_pipeline.systems.business_central import BusinessCentral, Operation

from .order_invariants import BY_HAND
from .sandboxes import HTTP, Sandboxes

AT = "2026-03-02T10:00:00.000Z"
CUSTOMER = {
    "number": "WS605254",
    "displayName": "Vinet",
    "type": "Company",
    "email": "paul@vinet.example",
    "addressLine1": "Van Goghlaan 12-b",
    "city": "Utrecht",
    "postalCode": "3511 AB",
    "country": "NL",
}
LINE = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 2, "unitPrice": 10.50, "taxCode": "VAT21"}
REGULAR = {"number": "C00001", "displayName": "Kim", "type": "Person", "email": "kim@mail.example", "country": "NL"}
SHOP_ORDER = (
    "<order><ordernr>{number}</ordernr><orderdate>2026-03-01 10:00:00</orderdate><customerid>999999</customerid>"
    "<branch>1</branch><positions><position><product_id>SKU-1</product_id><amount>1</amount>"
    "<single_price>1</single_price></position></positions></order>"
)


@dataclass
class BcUsers:
    """One company with two customers and the items of the shop's articles."""

    sandboxes: Sandboxes

    def set_up(self, *skus: str) -> None:
        """Customers and items, and the same articles in Winstore."""
        names = skus or ("SKU-1", "SKU-2")
        self.sandboxes.fill(articles=[{"sku": sku, "article_key": sku} for sku in names])
        item = {"displayName": "Mug", "type": "Inventory", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
        items = [item | {"number": sku} for sku in names]
        self.at(AT)
        self.sandboxes.seed_bc(customers=[CUSTOMER, REGULAR], items=items)

    def at(self, moment: str) -> None:
        """Sets the clock of Business Central."""
        HTTP.post(f"{self.sandboxes.addresses.bc_control}/__clock", json={"now": moment}).raise_for_status()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.calls([(method, path, body)])[0]

    def calls(self, asked: list[tuple[str, str, dict[str, Any] | None]]) -> list[dict[str, Any]]:
        """Calls of API v2.0 in one batch."""
        client = BusinessCentral(self.sandboxes.settings)
        operations = [
            Operation(str(number), method, path, body, None if method == "POST" else "*", f"{BY_HAND}-{number}")
            for number, (method, path, body) in enumerate(asked)
        ]
        try:
            results = client.batch(operations)
        finally:
            client.close()
        assert all(200 <= result.status < 300 for result in results), results
        return [result.body for result in results]

    def order(self, *lines: dict[str, Any], release: bool = True, **header: Any) -> dict[str, Any]:
        """An order with lines (one of two mugs by default), released."""
        made = self.orders([header], *lines)[0]
        if release:
            self.user("release", made)
        return made

    def orders(self, headers: list[dict[str, Any]], *lines: dict[str, Any]) -> list[dict[str, Any]]:
        """Orders with the same lines, as drafts."""
        body: dict[str, Any] = {"customerNumber": CUSTOMER["number"], "orderDate": "2026-03-02"}
        body["salesOrderLines"] = [LINE | each for each in lines or ({},)]
        return self.calls([("POST", "salesOrders", body | header) for header in headers])

    def user(self, do: str, order: dict[str, Any], **more: Any) -> None:
        """What a person does in the client and the API cannot."""
        asked = {"do": do, "id": order["id"]} | more
        HTTP.post(f"{self.sandboxes.addresses.bc_control}/__user", json=asked).raise_for_status()

    def ship(self, order: dict[str, Any], quantity: int) -> None:
        """Ships so many of the order's first line."""
        lines = [row for row in self.sandboxes.bc()["records"]["salesOrderLines"] if row["documentId"] == order["id"]]
        self.user("ship", order, quantities={min(lines, key=lambda row: row["sequence"])["id"]: quantity})

    def post(self, order: dict[str, Any]) -> dict[str, Any]:
        """Ships and invoices an order whole; returns its invoice."""
        self.call("POST", f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {})
        return next(row for row in self.sandboxes.bc()["records"]["salesInvoices"] if row["orderId"] == order["id"])

    def in_shop(self, number: str) -> None:
        """An order that a customer of the shop placed there."""
        sent = SHOP_ORDER.format(number=number)
        url = f"{self.sandboxes.addresses.winstore_base}/PostOrderWithStatusCode"
        answer = HTTP.post(url, content=sent, auth=("winstore", "sandbox-secret"))
        assert "<statuscode>200" in answer.text, answer.text

"""The Winstore sandbox: the seven calls that are publicly known, and those that the flows need (assumed).

Here belongs: what Winstore answers (winstore.md section 2). Response fields: docs/winstore-contract.md.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .control import Clock, Faults, control_routes, timestamp, with_fault
from .records import Record, Records, dumps, loads
from .retail import read_folder

BASE = "/iposws/api/osd"
Answer = tuple[str, str, list[Record]]


def parameters(query: str) -> dict[str, str]:
    """Query parameters; Winstore's public client joins them with `?` instead of `&`, both are accepted."""
    pairs = (part.partition("=") for part in re.split(r"[?&]", query) if part)
    return {name: unquote(value) for name, _, value in pairs}


class Shop:
    """The records of one Winstore and the calls it answers."""

    def __init__(self, path: Path | None = None) -> None:
        self.records, self.clock = Records(path), Clock()

    def load(self, articles: list[Record], customers: list[Record]) -> dict[str, int]:
        self.records.insert_many("articles", ((row["artkey"], row) for row in articles))
        self.records.insert_many("customers", ((row["customerid"], row) for row in customers))
        return {"articles": sum(len(row["variants"]) for row in articles), "customers": len(customers)}

    def changed(self, entity: str, since: str, asked: dict[str, str]) -> list[Record]:
        """Records changed at or after a moment, a page of them when the call names one."""
        moment = timestamp(datetime.fromisoformat(since.replace(" ", "+"))) if since else ""
        size, page = int(asked.get("pagesize", 10_000_000)), int(asked.get("page", 1))
        rows = self.records.db.execute(
            "SELECT body FROM record WHERE entity = ? AND json_extract(body, '$.modified') >= ? "
            "ORDER BY json_extract(body, '$.modified'), id LIMIT ? OFFSET ?",
            (entity, moment, size, (page - 1) * size),
        )
        return [loads(row[0]) for row in rows]

    def calls(self) -> dict[str, Callable[[dict[str, str]], Answer]]:
        return {
            "GetSuppliers": lambda _: ("suppliers", "supplier", self._suppliers()),
            "GetArticleDataBySupplierId": lambda asked: (
                "articles",
                "article",
                [row for row in self.changed("articles", "", {}) if row["supplierid"] == asked.get("id")],
            ),
            "GetArticleDataChangesByDate": lambda asked: (
                "articles",
                "article",
                self.changed("articles", asked["date"], asked),
            ),
            "GetCustomerChangesByDate": lambda asked: (
                "customers",
                "customer",
                self.changed("customers", asked["date"], asked),
            ),
        }

    def write(self, call: str, sent: Record) -> None:
        """`PostArticle` and `PostCustomer` (assumed): changes the fields that are sent."""
        now = timestamp(self.clock.now())
        if call == "PostCustomer":
            known = self.records.get("customers", sent["customerid"]) or {}
            self.records.insert_many("customers", [(sent["customerid"], known | sent | {"modified": now})])
        elif call == "PostArticle":
            article = self._article_of(sent["sku"])
            for row in article["variants"]:
                if row["sku"] == sent["sku"]:
                    row |= {name: value for name, value in sent.items() if name in row}
            article |= {name: value for name, value in sent.items() if name in article}
            self.records.replace("articles", article["artkey"], article | {"modified": now})
        else:
            self.records.insert_many("orders", [(sent["ordernr"], sent | {"modified": now})])
        self.records.log_write(now, "POST", call, str(next(iter(sent.values()))), "", sent)

    def _article_of(self, sku: str) -> Record:
        for article in self.changed("articles", "", {}):
            if any(row["sku"] == sku for row in article["variants"]):
                return article
        raise KeyError(sku)

    def _suppliers(self) -> list[Record]:
        ids = sorted({row["supplierid"] for row in self.changed("articles", "", {})})
        return [{"id": supplier, "name": f"Supplier {supplier}"} for supplier in ids]


def to_xml(name: str, value: Any) -> str:
    """Empty element = not known; lists repeat one element named after their singular."""
    if isinstance(value, list):
        return f"<{name}>{''.join(to_xml(name[:-1], item) for item in value)}</{name}>"
    if isinstance(value, dict):
        return f"<{name}>{''.join(to_xml(key, item) for key, item in value.items())}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>" if value not in (None, "") else f"<{name}/>"


def create_app(path: Path | None = None, user: str = "winstore", password: str = "sandbox-secret") -> Starlette:
    """The sandbox as an ASGI application; `path` keeps its records across restarts."""
    shop, faults = Shop(path), Faults()
    allowed = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def api(request: Request) -> Response:
        if request.headers.get("authorization") != allowed:
            return Response("<error>Unauthorized</error>", 401, {"WWW-Authenticate": "Basic"}, "application/xml")
        return await with_fault(faults.take(request.method, request.url.path), request, answer)

    async def answer(request: Request) -> Response:
        call = request.path_params["call"]
        if request.method == "POST":
            sent = {child.tag: child.text or "" for child in fromstring(await request.body(), forbid_dtd=True)}
            shop.write(call, sent)
            return Response("<result><statuscode>200</statuscode></result>", media_type="application/xml")
        if call not in shop.calls():
            return Response("<error>Unknown call</error>", 404, media_type="application/xml")
        root, item, rows = shop.calls()[call](parameters(request.url.query))
        if "application/json" in request.headers.get("accept", ""):
            return Response(dumps({root: {item: rows}}), media_type="application/json")
        return Response(f"<?xml version='1.0'?>{to_xml(root, rows)}", media_type="application/xml")

    def seed(body: dict[str, Any]) -> dict[str, int]:
        return shop.load(*read_folder(Path(body["folder"])))

    routes = [
        *control_routes(shop.records, shop.clock, faults, seed),
        Route(BASE + "/{call}", api, methods=["GET", "POST"]),
    ]
    app = Starlette(routes=routes)
    app.state.records = shop.records
    return app

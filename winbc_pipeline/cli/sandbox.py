"""`winbc sandbox …`: practice copies of both systems on loopback."""

import json
import re
import shlex
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape

import httpx
import typer

from ..errors import ConfigurationError
from ..sandbox.bc.app import Options
from ..sandbox.bc.data.schema import NEWEST
from ..sandbox.bc.extensions.companion import companion_app
from ..sandbox.bc.extensions.description import App, read_description
from ..sandbox.bc.v1 import FIRST
from ..sandbox.control import moment
from ..sandbox.retail import generate as generate_rows
from ..sandbox.retail import write_folder
from ..sandbox.server import Addresses, System
from ..sandbox.server import serve as serve_sandboxes
from ..sandbox.strange.shop import LONGEST
from ..sandbox.strange.shop import make as make_strange
from ..sandbox.volume import MOST_SKUS
from ..sandbox.volume import articles as articles_of
from ..sandbox.winstore import ShopOptions

app = typer.Typer(help="Practice copies of both systems on 127.0.0.1.", no_args_is_help=True)
Port = Annotated[int, typer.Option(help="Port; 0 for a free one")]
Version = Annotated[int, typer.Option(min=FIRST, max=NEWEST, help="The version of Business Central to imitate")]
TimeScale = Annotated[
    float, typer.Option(min=0.001, help="Divides every wait and window: 60 makes a second of a minute")
]
READY = "# Ready. Leave this terminal open: Ctrl-C ends what it serves."  # a comment, as in .env
CREDENTIALS = ("winstore", "sandbox-secret")
KEYS = ("number", "code", "sku", "customerid", "ordernr")  # fields by which people name a record


@app.command()
def serve(
    bc: Annotated[bool, typer.Option("--bc", help="Only Business Central")] = False,
    winstore: Annotated[bool, typer.Option("--winstore", help="Only Winstore")] = False,
    bc_port: Port = 0,
    winstore_port: Port = 0,
    load: Annotated[Path | None, typer.Option(help="Retail folder to start with")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that keeps the records")] = None,
    bc_version: Version = NEWEST,
    time_scale: TimeScale = 1,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that each call to Business Central takes")] = 0,
    operation_latency: Annotated[float, typer.Option(min=0, help="Seconds that each operation of a call takes")] = 0,
    replica_lag: Annotated[float, typer.Option(min=0, help="Seconds by which reads lag behind writes")] = 0,
    articles_per_call: Annotated[
        int | None, typer.Option(min=1, help="Most changed articles in an answer of Winstore")
    ] = None,
    call_ms: Annotated[int, typer.Option(min=0, help="Milliseconds that each call to Winstore takes")] = 0,
    requests: Annotated[int, typer.Option(min=1, help="Calls per user in five minutes")] = 6000,
    seed: Annotated[str, typer.Option(help="The same seed and clock give the same ids")] = "",
    clock: Annotated[str, typer.Option(help="Stops Business Central's clock there: 2026-03-01T10:00:00Z")] = "",
    templates: Annotated[
        bool, typer.Option("--templates/--no-templates", help="Templates that give new records posting groups")
    ] = True,
    extension: Annotated[list[Path] | None, typer.Option(help="Description of an app to install; may repeat")] = None,
    companion: Annotated[
        bool, typer.Option("--companion-app", help="With the companion app of winbc installed")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON once ready")] = False,
) -> None:
    """Runs the sandboxes until Ctrl-C."""
    system: System = "both"
    if bc != winstore:
        system = "bc" if bc else "winstore"
    options = Options(
        version=bc_version,
        time_scale=time_scale,
        latency_s=latency,
        operation_latency_s=operation_latency,
        replica_lag_s=replica_lag,
        requests_per_window=requests,
        seed=seed,
        clock=_moment(clock),
        templates=templates,
        extensions=(*map(_app, extension or ()), *((companion_app(),) if companion else ())),
    )
    shop_options = ShopOptions(articles_per_call, call_ms / 1000)
    with serve_sandboxes(data, bc_port, winstore_port, options, system, shop_options) as addresses:
        if load:
            load_folder(addresses.winstore_control, load)
        _print_addresses(addresses, as_json)
        _wait_for_ctrl_c()


def _print_addresses(addresses: Addresses, as_json: bool) -> None:
    """As one line of JSON, or as variables of the environment that point winbc to the sandboxes."""
    if as_json:
        print(json.dumps(addresses.as_dict()), flush=True)
        return
    for name, value in addresses.environment().items():
        print(f"{name}={shlex.quote(value)}", flush=True)
    print(READY, flush=True)


def _wait_for_ctrl_c() -> None:
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        return


def _moment(text: str) -> str:
    try:
        if text:
            moment(text)
    except ValueError as error:
        raise ConfigurationError(f"{text} is no time like 2026-03-01T10:00:00Z.") from error
    return text


def _app(file: Path) -> App:
    try:
        return read_description(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is no description of an app: {error}") from error


def check_folder(folder: Path) -> None:
    """Raises ConfigurationError when a folder is not a retail folder."""
    if not (folder / "articles.csv").exists():
        raise ConfigurationError(f"{folder} is no retail folder: it has no articles.csv.")


def load_folder(control: str, folder: Path) -> dict[str, int]:
    """Seeds the Winstore sandbox from a retail folder; returns the number of records of each kind.

    Raises: ConfigurationError, with file, row and why, when the folder's data cannot be used.
    """
    check_folder(folder)
    answer = httpx.post(f"{control}/__seed", json={"folder": str(folder.resolve())}, timeout=600)
    if answer.status_code == 400:
        raise ConfigurationError(answer.json()["error"])
    answer.raise_for_status()
    counts: dict[str, int] = answer.json()
    return counts


@app.command()
def load(control: Annotated[str, typer.Argument(help="http://127.0.0.1:PORT")], folder: Path) -> None:
    """Loads a retail folder into a running Winstore sandbox."""
    print(load_folder(control, folder))


@app.command()
def generate(
    folder: Path,
    customers: int = 40,
    articles: int = 60,
    orders: Annotated[int | None, typer.Option(help="Default 200; of a strange shop by chance, up to 22")] = None,
    skus: Annotated[int | None, typer.Option(min=1, max=MOST_SKUS, help="SKUs of each article, without orders")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data")] = 7,
    strange: Annotated[bool, typer.Option("--strange", help="A legal but odd shop, with expected.json")] = False,
    longest: Annotated[int, typer.Option(min=50, help="Most lines of an order of a strange shop")] = LONGEST,
) -> None:
    """Writes a retail folder of generated data."""
    if skus and (strange or orders):
        raise typer.BadParameter("--skus goes without --strange and --orders")
    now = datetime.now(UTC)
    if strange:
        shop = make_strange(seed, orders, longest)
        shop.write(folder)
        counts = {name: len(shop.tables[name]) for name in ("customers", "articles", "orders")}
    elif skus:
        tables = generate_rows(customers, 0, now, seed) | {"articles": articles_of(articles, skus, now, seed)}
        write_folder(folder, tables)
        counts = {"customers": customers, "articles": articles, "SKUs": articles * skus}
    else:
        counts = {"customers": customers, "articles": articles, "orders": 200 if orders is None else orders}
        write_folder(folder, generate_rows(customers, articles, now, seed, counts["orders"]))
    print(f"{folder}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@app.command()
def state(
    control: Annotated[str, typer.Argument(help="http://127.0.0.1:PORT")],
    key: Annotated[str | None, typer.Option(help="Only records with this number, code or SKU")] = None,
) -> None:
    """Prints everything that a running sandbox holds, or the records of one key, as JSON."""
    answer = httpx.get(f"{control}/__state", timeout=600)
    if key is None:
        print(answer.text)
        return
    for entity, records in answer.json()["records"].items():
        for record in records:
            if key in [str(record.get(name)) for name in KEYS]:
                print(json.dumps({entity: record}, indent=2, ensure_ascii=False))


@app.command()
def log(control: Annotated[str, typer.Argument(help="http://127.0.0.1:PORT")]) -> None:
    """Prints every call that a running sandbox answered, as JSON."""
    print(httpx.get(f"{control}/__log", timeout=600).text)


@app.command()
def change(
    winstore: Annotated[str, typer.Argument(help="Base address of the Winstore sandbox")],
    sku: Annotated[str, typer.Argument(help="The article's SKU")],
    price: Annotated[str, typer.Argument(help="Without VAT, with a dot")],
) -> None:
    """Changes an article's price in a running Winstore sandbox."""
    _post(winstore, "PostArticle", f"<article><sku>{escape(sku)}</sku><price>{price}</price></article>")
    print(f"{sku} now costs {price} in Winstore")


@app.command()
def sell(
    winstore: Annotated[str, typer.Argument(help="Base address of the Winstore sandbox")],
    sku: Annotated[str, typer.Argument(help="The article's SKU")],
    quantity: Annotated[str, typer.Option(help="Pieces, with a dot")] = "1",
    warehouse: Annotated[str, typer.Option(help="Default: the one that has most")] = "",
) -> None:
    """Sells pieces of an article in a running Winstore sandbox: its stock falls."""
    path = f"{winstore}/GetChangedStockWithWarehouse?date=1970-01-01T00:00:00%2B00:00?outOfStock=1"
    answer = httpx.get(path, headers={"Accept": "application/json"}, auth=CREDENTIALS)
    answer.raise_for_status()
    rows = [row for row in answer.json()["stocks"]["stock"] if row["sku"] == sku]
    there = [row for row in rows if warehouse in ("", row["warehouse"])]
    if not there:
        raise ConfigurationError(f"Winstore has no stock of {sku}.", "`winbc sandbox state` shows what it has.")
    most = max(there, key=lambda row: Decimal(row["quantity"]))
    left = Decimal(most["quantity"]) - Decimal(quantity)
    place = f"<warehouse>{escape(most['warehouse'])}</warehouse>"
    _post(winstore, "PostStock", f"<stock><sku>{escape(sku)}</sku>{place}<quantity>{left}</quantity></stock>")
    print(f"Warehouse {most['warehouse']} has {left} of {sku} left in Winstore")


@app.command()
def count(
    control: Annotated[str, typer.Argument(help="http://127.0.0.1:PORT of Business Central's sandbox")],
    item: Annotated[str, typer.Argument(help="The item's number")],
    quantity: Annotated[float, typer.Argument(help="What was counted")],
) -> None:
    """Counts an item in a running sandbox of Business Central: a correction without any order."""
    asked = {"do": "count", "item": item, "quantity": quantity}
    answer = httpx.post(f"{control}/__user", json=asked)
    if answer.status_code != 200:
        raise ConfigurationError(f"Business Central did not take it: {answer.text[:200]}.")
    print(f"{quantity:g} of {item} were counted in Business Central")


def _post(winstore: str, call: str, body: str) -> None:
    """Makes a writing call; raises ConfigurationError with Winstore's words for one that it does not take."""
    answer = httpx.post(f"{winstore}/{call}", content=body.encode(), auth=CREDENTIALS)
    answer.raise_for_status()
    code = re.search(r"<statuscode>(\d+)", answer.text)
    if not code or code.group(1) != "200":  # Winstore refuses with status 200 of HTTP and a code in the body
        message = re.search(r"<message>([^<]*)", answer.text)
        why = message.group(1) if message else answer.text[:200]
        raise ConfigurationError(f"Winstore did not take it: {why}.")

"""One zip for those who help: what runs here, how it is set, what was counted and what failed.

Here belongs: what may be in it. There is no personal data and no secret by construction: counts, codes and names that
the program itself gives. Keys of records, values, and the words of either system are not asked for at all.
"""

import os
import platform
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, SecretStr

from ... import clock
from ...errors import NotDone, WinbcError
from ...flows import FLOWS
from ...settings import SHIPPED_TABLES, Settings
from ...staging import ledger, schema
from ...staging.server.address import names_on
from ...staging.store import Row, Store, quote, rows_of, writing
from ...sync.connected import ConnectedFlow
from ..checks import checks
from .backup import databases

LIBRARIES = ("dagster", "dagster-webserver", "duckdb", "httpx", "msal", "pydantic", "sqlglot", "orjson", "filelock")
NAMED = {"user", "company", "client_id", "authority"}
"""Settings of which only is told whether they are set: they may name a person or a customer of ours."""
CODE = re.compile(r"[A-Za-z]+[A-Za-z0-9_]{2,80}")
# Lines of a YAML file whose value may be a secret or name a person.
PRIVATE_LINE = re.compile(
    r"^(\s*-?\s*[\w-]*(?:pass|secret|token|key|user|url|string|host|mail)[\w-]*\s*:).+$", re.I | re.M
)
RECENT = 50


def make(settings: Settings, path: Path, runs: Iterable[Row], with_checks: bool = True) -> Path:
    """Makes the bundle; returns its file, which only its owner can read.

    Args:
        runs: what is told of Dagster's last failed runs (job, begun, error).
        with_checks: also run `winbc check`, which asks both systems.

    Raises: NotDone when the file is there already; NotWritable.
    """
    if path.exists():
        raise NotDone(f"{path} is there already.", "Name another file.")
    contents: dict[str, Any] = {
        "versions.json": versions(),
        "settings.json": settings_told(settings),
        "tables.json": list(_mapping_tables(settings)),
        "databases.json": list(_databases(settings)),
        "ledger.json": [each for flow in FLOWS for each in _of_flow(ConnectedFlow(flow, settings))],
        "runs.json": list(runs),
        "checks.json": list(_checks(settings)) if with_checks else [],
    }
    texts = {name: orjson.dumps(each, str, orjson.OPT_INDENT_2).decode() for name, each in contents.items()}
    configuration = settings.data_folder / settings.connection / "dagster_home" / "dagster.yaml"
    if configuration.exists():
        texts["dagster.yaml"] = PRIVATE_LINE.sub(r"\1 (left out)", configuration.read_text(encoding="utf-8"))
    _write(path, texts, list(_secrets(settings)))
    return path


def _write(path: Path, texts: Mapping[str, str], secrets: Iterable[str]) -> None:
    with writing(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            for name, text in texts.items():
                made.writestr(name, _without(text, secrets))


def versions() -> Row:
    """What runs here."""
    return {
        "winbc": schema.program(),
        "tables": schema.VERSION,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "made_at": clock.now(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def settings_told(settings: Settings) -> Row:
    """The settings that may be told."""
    return {name: _told(name, value) for name, value in settings}


def _told(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "not set"
    if name in NAMED:
        return "set" if value else "not set"
    if isinstance(value, Path):
        return value.name
    if name == "base_url":  # of Business Central online it names the tenant
        return re.sub(r"(?<=//)([^/]+).*", r"\1/…", str(value))
    if isinstance(value, BaseModel):
        return {inner: _told(inner, each) for inner, each in value}
    if isinstance(value, Mapping):
        return {inner: _told(inner, each) for inner, each in value.items()}
    return value


def _secrets(section: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for _, value in section:
        if isinstance(value, SecretStr) and value.get_secret_value():
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _secrets(value)
        elif isinstance(value, Mapping):
            yield from _secrets(value.items())


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "(left out)")
    return text


def _mapping_tables(settings: Settings) -> Iterator[Row]:
    for name, path in settings.tables.of().items():
        content, shipped = path.read_bytes(), SHIPPED_TABLES / name
        as_shipped = shipped.exists() and shipped.read_bytes() == content
        told: Row = {"table": name.as_posix(), "lines": content.count(b"\n"), "as_shipped": as_shipped}
        yield told | ({"shared": settings.tables.is_shared(name)} if settings.mapping_base else {})


def _databases(settings: Settings) -> Iterator[Row]:
    """The version of each database and the number of rows of each table; of a file its size, too."""
    server = settings.state.address
    for path in databases(settings):
        yield {"database": path.name, "bytes": path.stat().st_size} | _held(Store(path, settings.memory_limit_mb))
    try:
        for name in names_on(server, settings.connection) if server else ():
            yield {"database": name} | _held(Store.of(settings, settings.flow_database(name)))
    except WinbcError as error:
        yield {"error": error.code}


def _held(store: Store) -> Row:
    try:
        with store.open() as connection:
            names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
            rows = [connection.execute(f"SELECT count(*) FROM {quote(name)}").fetchone() for (name,) in names]
            counts = {name: row and row[0] for (name,), row in zip(names, rows, strict=True)}
            return {"rows": counts, "version": schema.version_of(connection)}
    except WinbcError as error:
        return {"error": error.code}


def _of_flow(connected: ConnectedFlow) -> Iterator[Row]:
    """How many records of a flow are in each state and why, and its last failures."""
    flow, store = connected.flow, connected.store
    try:
        if not store.exists():
            return
        with store.open() as connection:
            ledger.create(connection)
            states = rows_of(
                connection,
                "SELECT part, state, action, reason, count(*) AS records, max(moved_at) AS last_move FROM ledger "
                "GROUP BY ALL ORDER BY ALL",
            )
            failed = rows_of(
                connection,
                "SELECT part, state, reason, message, moved_at, attempt_no FROM ledger "
                f"WHERE state NOT IN ('CONFIRMED', 'SKIPPED') ORDER BY moved_at DESC LIMIT {RECENT}",
            )
        followed = ledger.watermark(store, flow.id)
    except WinbcError as error:
        yield {"flow": flow.id, "error": error.code}
        return
    for row in failed:
        row["code"] = code_of(row.pop("message"))
    yield {"flow": flow.id, "on": flow.is_on(connected.settings), "followed_until": followed} | {
        "states": states,
        "failures": failed,
    }


def code_of(message: str | None) -> str:
    """The code at the beginning of a system's message; empty when there is none. The rest may quote a person."""
    code, colon, _ = (message or "").partition(":")
    return code if colon and CODE.fullmatch(code) and ("_" in code or code.isupper()) else ""


def _checks(settings: Settings) -> Iterator[Row]:
    for check in checks(settings):
        try:
            found = check.run()
        except WinbcError as error:
            yield {"check": check.name, "passed": False, "error": error.code}
        else:
            yield {"check": check.name, "passed": True, "warnings": len(found.warnings)}

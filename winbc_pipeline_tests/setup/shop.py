"""An empty folder beside two sandboxes, in which a new user sets winbc up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from winbc_pipeline.cli.main import app
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.server import Addresses

from ..support.sandboxes import ARTICLE, CUSTOMER, HTTP, LINE, ORDER
from ..support.servers import Servers

SECRETS = ("WINBC_BC__CLIENT_SECRET", "WINBC_WINSTORE__PASSWORD")
SECRET = "sandbox-secret"


@dataclass
class NewShop:
    """A folder without anything, and the addresses of both systems."""

    folder: Path
    addresses: Addresses

    def winbc(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, arguments, input=typed)

    def answers(self, init: Sequence[str] = ()) -> str:
        """A file that answers whatever has no default, and more questions that are no settings."""
        path, bc = self.folder / "answers.toml", self.addresses.bc_base
        lines = [
            'connection = "shop"',
            "history_start = 2024-07-01",
            f'bc = {{ base_url = "{bc}", authority = "{self.addresses.authority}", client_id = "winbc" }}',
            f'winstore = {{ base_url = "{self.addresses.winstore_base}", user = "winstore" }}',
            'orders = { rounding_account = "8100" }',
            "[init]",
            'business_central = "other"',
            *init,
        ]
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    def fill(self) -> None:
        """An order of one article for one customer."""
        rows = {"customers": [CUSTOMER], "articles": [ARTICLE], "orders": [ORDER], "order_lines": [LINE]}
        write_folder(self.folder / "retail", rows)
        self._post(self.addresses.winstore_control, {"folder": str(self.folder / "retail")})

    def take_right(self, entity_set: str, *rights: str) -> None:
        self._post(self.addresses.bc_control, {"rights": {entity_set: list(rights)}})

    def has_tax_code(self, code: str) -> None:
        self._post(self.addresses.bc_control, {"records": {"taxGroups": [{"code": code, "displayName": code}]}})

    def in_bc(self, entity_set: str) -> list[dict[str, object]]:
        state = HTTP.get(f"{self.addresses.bc_control}/__state").json()
        return state["records"].get(entity_set, [])  # type: ignore[no-any-return]

    def writes(self) -> int:
        return len(HTTP.get(f"{self.addresses.bc_control}/__state").json()["writes"])

    def _post(self, control: str, body: dict[str, object]) -> None:
        answer = HTTP.post(f"{control}/__seed", json=body)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def new_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: Servers) -> NewShop:
    """The two secrets are in the environment, nothing else is anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    servers.renew()
    for name in SECRETS:
        monkeypatch.setenv(name, SECRET)
    return NewShop(tmp_path, servers.addresses)

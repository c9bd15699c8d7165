"""Fails when a command, setting, CSV column, function, reason or error code is not documented."""

from typing import Any

import typer

from winbc_pipeline import errors
from winbc_pipeline.cli.main import app
from winbc_pipeline.mapping.functions import BUILT_IN
from winbc_pipeline.mapping.tables import COLUMNS
from winbc_pipeline.settings import (
    AlertSettings,
    AuditSettings,
    BusinessCentralSettings,
    CheckSettings,
    CustomerSettings,
    DashboardSettings,
    DatabaseSettings,
    FlowSettings,
    GuardSettings,
    LateSettings,
    OrderSettings,
    OrderStatusSettings,
    OrdersToWinstoreSettings,
    ProductSettings,
    ReconcileSettings,
    Settings,
    StateSettings,
    StockSettings,
    WinstoreSettings,
    WorkerSettings,
)
from winbc_pipeline.sync.outcomes import REASONS

from ..support.sandboxes import REPOSITORY


def page(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text(encoding="utf-8")


def test_every_setting() -> None:
    sections = {"bc": BusinessCentralSettings, "winstore": WinstoreSettings, "products": ProductSettings}
    sections |= {"customers": CustomerSettings, "orders": OrderSettings}
    sections |= {"orders_to_winstore": OrdersToWinstoreSettings, "order_status": OrderStatusSettings}
    sections |= {
        "stock": StockSettings,
        "guards": GuardSettings,
        "reconcile": ReconcileSettings,
        "flows.<id>": FlowSettings,
    }
    sections |= {"late": LateSettings, "alerts": AlertSettings, "checks": CheckSettings, "reconcile": ReconcileSettings}
    sections |= {
        "audit": AuditSettings,
        "dashboard": DashboardSettings,
        "databases": DatabaseSettings,
        "state": StateSettings,
        "workers": WorkerSettings,
    }
    names = [name for name in Settings.model_fields if name not in {*sections, "flows"}]
    names += [f"{section}.{name}" for section, model in sections.items() for name in model.model_fields]
    assert [name for name in names if f"`{name}`" not in page("settings.md")] == []


def test_every_command() -> None:
    root: Any = typer.main.get_command(app)
    context = typer.Context(root)
    names = []
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        names += [f"winbc {name} {below}" for below in getattr(command, "commands", {})] or [f"winbc {name}"]
    assert len(names) > 10
    assert [name for name in names if name not in page("commands.md")] == []


def test_every_column_and_function() -> None:
    text = page("mapping.md")
    assert [name for name in (*COLUMNS, *(each.name for each in BUILT_IN)) if f"`{name}`" not in text] == []


def test_every_error_and_reason() -> None:
    codes = {code for each in vars(errors).values() if (code := getattr(each, "code", None))}
    assert [code for code in (*codes, *REASONS) if f"| {code} |" not in page("errors.md")] == []

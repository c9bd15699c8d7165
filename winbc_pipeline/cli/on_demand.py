"""Commands that are imported when they are called, so that none waits for what only others need.

Here belongs: which command stands in which module. The commands that need the flows and little else: main.py.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

PLACES = {
    "demo": "demo:demo",
    "init": "setup.init:init",
    "up": "setup.up:up",
    "down": "setup.up:down",
    "logs": "setup.up:logs",
    "ui": "setup.ui:ui",
    "worker": "setup.worker:worker",
    "approve": "approve:approve",
    "safe-mode": "approve:safe_mode",
    "status": "operations.status:status",
    "metrics": "operations.status:metrics",
    "products": "operations.products:products",
    "pause": "operations.pause:pause",
    "resume": "operations.pause:resume",
    "reconcile": "operations.reconcile:reconcile",
    "rerun": "operations.rerun:rerun",
    "trace": "records:trace",
    "retry": "records:retry",
    "replay": "records:replay",
    "resolve": "records:resolve",
    "backup": "operations.keeping:backup",
    "restore": "operations.keeping:restore",
    "tidy": "operations.keeping:tidy",
    "move-state": "operations.keeping:move_state",
    "support-bundle": "operations.keeping:support_bundle",
    "mapping": "mapping:app",
    "stock": "stock:app",
    "alerts": "operations.alerts:app",
    "audit": "operations.audit:app",
    "privacy": "operations.privacy:app",
    "connection": "setup.connection:app",
    "sandbox": "sandbox:app",
}
"""Module and name of each command's function, and of the Typer of each group of commands."""


class OnDemand(TyperGroup):
    """A group with the commands of PLACES beside its own."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands; nothing is imported for it."""
        own = [name for name in super().list_commands(ctx) if name not in PLACES]
        return [*own, *PLACES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command with a name, None for an unknown one, for which all are loaded: those alike are suggested."""
        is_known = cmd_name in PLACES or cmd_name in self.commands
        for name in [cmd_name] if is_known else PLACES:
            if name in PLACES and name not in self.commands:
                self.commands[name] = _loaded(name)
        return super().get_command(ctx, cmd_name)


def _loaded(name: str) -> Any:
    module, _, attribute = PLACES[name].partition(":")
    found = getattr(import_module(f".{module}", __package__), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)

"""Step 5: what was written, what is still wrong, and what comes next."""

from pathlib import Path

from ..flows import FLOWS
from ..mapping.shipped import copy_to_edit
from ..workbench.checks import checks
from .directions import runs
from .files import ENV, SETTINGS, WORKSPACE, write_workspace
from .sitting import Sitting

LOOKED_AT = ("This machine", "Mapping tables", "What ")  # beginnings of the checks that say whether it can begin


def review(sitting: Sitting) -> None:
    """Writes workspace.yaml, checks what the flows need, and says what a person does next."""
    settings = sitting.settings
    copy_to_edit(settings)
    write_workspace(settings.connection)
    on = [flow for flow in FLOWS if runs(flow, settings)]
    for check in checks(settings):
        is_of_a_flow = check.name.startswith("This machine") or any(flow.id in check.name for flow in on)
        if check.name.startswith(LOOKED_AT) and is_of_a_flow:
            sitting.try_out(check.name, lambda check=check: check.run().looked_at)  # type: ignore[misc]
    files = [SETTINGS, ENV, WORKSPACE, settings.mapping_folder]
    there = ", ".join(str(path) for path in map(Path, files) if path.exists())
    sitting.desk.say(f"\nConnection {settings.connection}. Written: {there}. Secrets stand in {ENV} only.")
    for flow in on:
        mode = "safe mode" if settings.in_safe_mode(flow.id) else "writes by itself"
        sitting.desk.say(f"  {flow.id}: {mode}")
    sitting.desk.say(f"Each flow that is in safe mode plans and writes nothing until you approve it.\n{_next(sitting)}")


def _next(sitting: Sitting) -> str:
    on = [flow.id for flow in FLOWS if runs(flow, sitting.settings)]
    first = on[0] if on else "FLOW"
    others = f" Then so with each of these, in this order: {', '.join(on[1:])}" if on[1:] else ""
    lines = [f"{what}: {words}" for what, words in sitting.problems.items()]
    if lines:
        lines = ["\nStill to be mended (`winbc init` again goes on where you are):", *lines]
    steps = (
        f"winbc plan {first}       # the dry run: reads, and shows what would be written",
        f"winbc approve {first}    # shows the plan and asks",
        f"winbc sync {first}       # sends it.{others}",
        "winbc up                 # then everything runs by itself; it shows the address of the dashboard",
    )
    return "\n".join([*lines, "\nNext:", *(f"  {step}" for step in steps)])

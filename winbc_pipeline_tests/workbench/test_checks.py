"""`winbc check` tries every entity that a flow reads, and names the one that cannot be read."""

from typing import Any

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.workbench.checks import checks

from ..support.sandboxes import Sandboxes

READ = ("Winstore articles", "Winstore customers", "Winstore orders", "Business Central salesOrders")


def failed(sandboxes: Sandboxes) -> dict[str, str]:
    """By name, the checks of reading that fail, and why."""
    found = {}
    for check in checks(sandboxes.settings):
        if check.name in READ:
            try:
                check.run()
            except WinbcError as error:
                found[check.name] = str(error)
    return found


@pytest.mark.parametrize(
    ("system", "path", "name", "words"),
    [
        ("winstore", "GetOrderChangesByDate", "Winstore orders", "GET GetOrderChangesByDate"),
        ("winstore", "GetCustomerChangesByDate", "Winstore customers", "GET GetCustomerChangesByDate"),
        ("bc", "salesOrders", "Business Central salesOrders", "GET salesOrders"),
    ],
)
def test_what_may_not_be_read_is_named(sandboxes: Sandboxes, system: str, path: str, name: str, words: str) -> None:
    sandboxes.fill()
    fault: dict[str, Any] = {"kind": "status", "status": 403, "path": path, "times": 9}
    sandboxes.fault(system, fault)
    found = failed(sandboxes)
    assert list(found) == [name]
    assert words in found[name]


def test_all_can_be_read(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    assert failed(sandboxes) == {}

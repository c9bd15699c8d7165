"""A comparison that is killed goes on where it was.

Source of the promise: docs/operations.md, "How long it takes".
"""

import signal
from collections import Counter

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.products import PRODUCTS
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support import dying
from ...support.forked import signal_of
from ...support.sandboxes import HTTP, Sandboxes, environment_of

pytestmark = pytest.mark.proof

ITEMS = 12
PAGED = {"WINBC_BC__PAGE_SIZE": "2", "WINBC_BC__BATCH_SIZE": "10"}


def calls(sandboxes: Sandboxes) -> Counter[str]:
    """How often each page was read so far, of both systems. A batch has no address of its own, and which company and
    which ledger it is, each comparison asks anew."""
    shop = HTTP.get(f"{sandboxes.addresses.winstore_control}/__log").json()["calls"]
    every = [call["path"] for call in (*sandboxes.calls(), *shop)]
    return Counter(path for path in every if not path.endswith(("$batch", "/companies", "token")))


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_it_is_resumed_and_reads_each_page_once_more_at_most(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    for name, value in (environment_of(sandboxes) | PAGED).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WINBC_HISTORY_START", sandboxes.settings.history_start.isoformat())
    sandboxes.settings = Settings()
    sandboxes.fill(articles=[{"sku": f"S{n}", "article_key": str(n)} for n in range(ITEMS)])
    sandboxes.sync(PRODUCTS.id)
    connected = ConnectedFlow(flow_named(PRODUCTS.id), sandboxes.settings)
    before = calls(sandboxes)
    needed = reconcile(connected)
    assert needed.agrees
    once = calls(sandboxes) - before

    assert signal_of(dying.comparing(PRODUCTS.id, {}, round(needed.calls * share))) == signal.SIGKILL
    found = reconcile(connected)

    assert found.agrees
    assert found.compared == needed.compared
    assert found.calls < needed.calls, "what was read before is not read again"
    both = calls(sandboxes) - before - once
    assert all(both[page] <= once[page] + 1 for page in both), both - once

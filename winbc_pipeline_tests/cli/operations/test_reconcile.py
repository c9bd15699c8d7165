"""The commands `winbc reconcile` and `winbc rerun`, against both sandboxes. Source: docs/operations.md."""

import json

import pytest
from typer.testing import CliRunner, Result

from winbc_pipeline.cli.main import app

from ...support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof
FLOW = "products_winstore_to_bc"


def winbc(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=answer)


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_what_differs_is_shown_asked_for_sent_and_compared_again(sandboxes: Sandboxes) -> None:
    sandboxes.fill(articles=[{}, {"sku": "SKU-2", "article_key": "2"}], customers=[])
    assert winbc("sync", "products").exit_code == 0
    assert winbc("reconcile", FLOW).exit_code == 0
    sandboxes.edit_item("SKU-1", unitPrice=1)
    sandboxes.delete_in_bc("items", "SKU-2")

    found = winbc("reconcile", FLOW, "--json")
    printed = json.loads(found.stdout)
    assert (found.exit_code, printed["agrees"]) == (1, False)
    assert (printed["counts"]["different"], printed["counts"]["missing_right"]) == (1, 1)

    refused = winbc("reconcile", FLOW, "--repair", answer="n\n")
    assert (refused.exit_code, "Nothing was sent" in told(refused)) == (1, True)
    done = winbc("reconcile", FLOW, "--repair", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "2 records written, 0 not done." in told(done)
    assert "Both systems agree." in told(done)


def test_all_red_windows_are_run_again_by_one_command(sandboxes: Sandboxes) -> None:
    """Without Dagster, where its UI was never started."""
    sandboxes.fill(articles=[{"name": "x" * 101}], customers=[{"email": "no at sign"}])
    assert winbc("sync", "products").exit_code == winbc("sync", "customers").exit_code == 1
    sandboxes.fill(articles=[{}], customers=[{"email": "no at sign"}])
    result = winbc("rerun", "--failed")
    assert result.exit_code == 1
    assert "products_winstore_to_bc" in told(result) and "Some windows are still red." in told(result)
    assert [item["number"] for item in sandboxes.bc()["records"]["items"]] == ["SKU-1"]
    sandboxes.fill(articles=[{}], customers=[{}])
    assert winbc("rerun", "--failed", "--flow", "customers_winstore_to_bc").exit_code == 0
    assert "No window is red." in told(winbc("rerun", "--failed"))


def test_rerun_says_which_windows_it_means() -> None:
    assert winbc("rerun").exit_code == 2

"""Each command imports what it needs itself, and no other command's modules."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli.main import app

LOADED = """
import sys
from winbc_pipeline.cli import main
print(*sorted(sys.modules.keys() & {"winbc_pipeline.sandbox", "winbc_pipeline.setup", "pandas", "dagster"}))
"""


@pytest.mark.proof  # an interpreter of its own
def test_a_command_that_runs_a_flow_loads_no_sandbox_no_questions_and_no_dagster() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_mistyped_command_is_answered_with_the_one_that_is_alike_wherever_it_stands() -> None:
    done = CliRunner().invoke(app, ["reconsile"])
    assert done.exit_code == 2
    assert "Did you mean 'reconcile'" in " ".join(done.output.split())

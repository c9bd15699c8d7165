"""The asset catalogue as it is known outside: renaming a key orphans its history, so it must be a decision."""

import subprocess
import sys

from winbc_pipeline.build import build_defs
from winbc_pipeline.settings import Settings

from ..support.sandboxes import REPOSITORY


def catalogue() -> list[str]:
    graph = build_defs(settings=Settings()).resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        parts = type(node.partitions_def).__name__ if node.partitions_def else "-"
        lines.append(f"{key.to_user_string()} | {node.group_name} | {parts} | {parents}")
    return lines


def test_the_catalogue_is_as_recorded() -> None:
    recorded = (REPOSITORY / "winbc_pipeline_tests" / "orchestration" / "catalogue.txt").read_text(encoding="utf-8")
    assert catalogue() == recorded.splitlines()


def test_definitions_load_without_pandas() -> None:
    program = "import sys, winbc_pipeline.definitions; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_somebody_materializes_at_an_asset_runs_in_one_process() -> None:
    """In a process of its own, each step would load the whole code location."""
    jobs = build_defs(settings=Settings()).resolve_all_job_defs()
    assert {job.executor_def.name for job in jobs} == {"in_process"}
    assert "__ASSET_JOB" in {job.name for job in jobs}

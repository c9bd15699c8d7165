"""A secret cannot be given where the UI shows it. Source: test catalogue row 92."""

import pytest
from dagster import DagsterInvalidConfigError, JobDefinition, validate_run_config

from winbc_pipeline.build import build_defs


def jobs() -> list[JobDefinition]:
    return [job for job in build_defs().resolve_all_job_defs() if not job.name.startswith("__")]


def test_no_job_takes_a_secret_in_its_run_config() -> None:
    for job in jobs():
        for step in job.nodes:
            given = {"ops": {step.name: {"config": {"password": "x", "client_secret": "x"}}}}
            with pytest.raises(DagsterInvalidConfigError):
                validate_run_config(job, given)

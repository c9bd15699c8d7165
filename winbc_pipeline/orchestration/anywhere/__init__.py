"""Runs on several machines: Dagster's storage on the PostgreSQL server, runs in workers that Celery tells.

Here belongs: what dagster_workers.yaml names as `storage`, `run_launcher` and `run_coordinator`, and the workers' own
process. How a run gets its process on one machine: launcher/. Concept pages: Run launchers, Dagster storage.
"""

from .coordinator import SlotRunCoordinator as SlotRunCoordinator
from .launcher import WorkerRunLauncher as WorkerRunLauncher
from .storage import ServerStorage as ServerStorage

"""How a run gets its process: forked from a server that has everything loaded, or by Dagster's default launcher.

Here belongs: what dagster.yaml names as `run_launcher` and `run_coordinator`. What a run does: assets.py.
Concept pages: Run launchers, Run coordinators.
"""

from .coordinator import PromptRunCoordinator as PromptRunCoordinator
from .launcher import ForkedRunLauncher as ForkedRunLauncher

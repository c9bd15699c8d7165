"""How a run gets its process: forked from a server that has everything loaded, or by Dagster's default launcher.

Here belongs: what dagster.yaml names as `run_launcher`. What a run does: assets.py. Concept page: Run launchers.
"""

from .launcher import ForkedRunLauncher as ForkedRunLauncher

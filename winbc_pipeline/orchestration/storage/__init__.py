"""Where Dagster keeps runs and events on one machine: its own SQLite files, which stay open.

Here belongs: what dagster.yaml names as `storage`. What is deleted from it: retention.py.
Concept page: Dagster storage.
"""

from .kept_open import KeptOpenStorage as KeptOpenStorage

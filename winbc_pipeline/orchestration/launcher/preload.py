"""Imported by the fork server only: loads what each run needs, and neither starts threads nor opens anything."""

import gc
import importlib
import os
import signal
from contextlib import suppress

# Before numpy is loaded. Its threads would not be there in a forked process.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import msal  # noqa: F401
import pandas  # noqa: F401, ICN001
import phonenumbers  # noqa: F401
import upath  # noqa: F401
from dagster._core.storage import noop_compute_log_manager, sqlite_storage  # noqa: F401
from dotenv import dotenv_values

from ...errors import WinbcError
from ...flows import FLOWS
from ...settings import load_settings, locations
from ...sync.connected import ConnectedFlow
from ...systems.transport import authorities
from .. import storage  # noqa: F401
from . import worker  # noqa: F401
from .warm import warm_up

# As `dagster api execute_run` does before it loads the definitions.
os.environ.update({name: value for name, value in dotenv_values(".env").items() if value is not None})

# By its name, as workspace.yaml has it: what is built of this package stands above it.
importlib.import_module("winbc_pipeline.build")
authorities()
together = [folder for folders in locations().values() for folder in folders]
if not together:  # of several connections, a run loads its own: all of them would take long, and much memory
    definitions = importlib.import_module("winbc_pipeline.definitions")
    definitions.defs.get_repository_def().get_all_jobs()
with suppress(WinbcError):  # a run tells what is wrong
    # The tables of one of them are those of all that share its mapping folder.
    settings = load_settings(together[0].resolve()) if together else load_settings()
    for flow in FLOWS:
        if flow.is_on(settings):
            ConnectedFlow(flow, settings).checked()
warm_up()
duckdb.default_connection().close()  # nobody uses it, and its thread would not be there in a forked process
gc.collect()
gc.freeze()  # what is loaded stays shared with the forked processes
# A forked process has this mask from its first instruction, so a cancel that comes before it listens waits for it.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

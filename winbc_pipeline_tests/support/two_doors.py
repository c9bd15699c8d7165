"""Dagster's webserver twice: as it is on the port OPEN_PORT, and behind the door on the port of its options."""

import os
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from winbc_pipeline.dashboard import serve

guarded = serve.guarded


def both(dagster: ASGIApp, **options: Any) -> None:
    """Serves one application on both ports."""
    config = uvicorn.Config(dagster, host="127.0.0.1", port=int(os.environ["OPEN_PORT"]), log_level="warning")
    threading.Thread(target=uvicorn.Server(config).run, daemon=True).start()
    guarded(dagster, **options)


if __name__ == "__main__":
    serve.guarded = both
    serve.main()

"""A real headless Chromium for tests of pages; the tests are skipped where it or Playwright is missing."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# It may ask nobody but the machine itself.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(arguments: Sequence[str] = ()) -> Iterator["Browser"]:
    """A browser until the block ends."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no page was tested")
    if not PROGRAM:
        pytest.skip("There is no Chromium on this machine: no page was tested")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=[*QUIET, *arguments])
        try:
            yield browser
        finally:
            browser.close()

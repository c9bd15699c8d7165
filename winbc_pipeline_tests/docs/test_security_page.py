"""docs/security.md: each line names a test that exists."""

import re

from ..support.sandboxes import REPOSITORY


def test_each_line_names_a_test_that_is_there() -> None:
    page = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what ")]
    rows = [line for line in lines if not re.match(r"\| (value|address|ASVS) ", line)]
    code = "".join(
        path.read_text(encoding="utf-8") for path in (REPOSITORY / "winbc_pipeline_tests").rglob("test_*.py")
    )
    assert len(rows) > 30
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, f"no test is named: {row}"
        assert [name for name in named if f"def {name}(" not in code] == []

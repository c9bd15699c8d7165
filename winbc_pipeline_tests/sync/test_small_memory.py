"""What a run with few records needs of memory is far below the limit, so tables of one's own may be larger."""

from pathlib import Path

import pytest

from ..support.order_flow import open_order_flow


@pytest.mark.proof
@pytest.mark.files
def test_an_order_is_mapped_in_a_third_of_the_memory_that_is_allowed(tmp_path: Path, tables: Path) -> None:
    with open_order_flow(tmp_path, on_disk=True) as shop:
        shop.settings = shop.settings.model_copy(update={"memory_limit_mb": shop.settings.memory_limit_mb // 3})
        shop.order("W1")
        shop.sync()
        assert shop.outcome("W1")[0] == "CONFIRMED"

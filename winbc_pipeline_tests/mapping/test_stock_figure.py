"""`stock_figure` computes with exact decimals what docs/stock.md says, step by step."""

from decimal import ROUND_FLOOR, Decimal

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.mapping.expressions import filled
from winbc_pipeline.mapping.functions import BUILT_IN

SQL = next(each.sql for each in BUILT_IN if each.name == "stock_figure")
QUANTITY = st.decimals(-10_000, 10_000, places=5)
STEP = st.decimals(Decimal("0.00001"), 100, places=5)


def by_hand(free: Decimal | None, cap: Decimal | None, step: Decimal | None, clamp: bool | None) -> Decimal | None:
    if free is None:
        return None
    figure = free if cap is None else min(free, cap)
    if step is not None:
        figure = (figure / step).to_integral_value(ROUND_FLOOR) * step
    return max(figure, Decimal(0)) if clamp else figure


@given(st.none() | QUANTITY, st.none() | QUANTITY, st.none() | STEP, st.sampled_from([None, False, True]))
def test_a_figure_is_capped_rounded_down_and_clamped_in_this_order(
    free: Decimal | None, cap: Decimal | None, step: Decimal | None, clamp: bool | None
) -> None:
    numbers = [
        f"CAST({'NULL' if each is None else format(each, 'f')} AS DECIMAL(28, 10))" for each in (free, cap, step)
    ]
    flag = "NULL::BOOLEAN" if clamp is None else str(clamp).lower()
    row = duckdb.execute(f"SELECT {filled(SQL, [*numbers, flag])}").fetchone()
    assert row is not None
    assert row[0] == by_hand(free, cap, step, clamp)

"""Shops that nobody here has seen: legal data, odd in every way that real shops are odd, loaded whole.

A shop is made from a seed. `make proof` and CI try 30, `make soak` 500. A seed that failed once stays in REGRESSIONS.
"""

from pathlib import Path

import pytest

from ..support.strange_shops import Trial, findings, trial_of

IN_CI, IN_SOAK = range(30), range(30, 500)
WEEK_S = 7 * 86400
REGRESSIONS: dict[int, str] = {}


def assert_in_step(trial: Trial) -> None:
    """After a run: what every shop is promised; and a rerun writes nothing."""
    trial.run()
    assert findings(trial) == []
    before = trial.writes()
    trial.run()
    written = [(write["entity"], write["key"]) for write in trial.books["writes"][before:]]
    assert written == [], "a rerun wrote"
    assert findings(trial) == []


def assert_in_step_from_first_to_last(seed: int, folder: Path) -> None:
    """The shop as it is, and a week later where its customers change."""
    with trial_of(seed, folder) as trial:
        assert_in_step(trial)
        if trial.shop.later["customers"]:
            trial.pass_time(WEEK_S)
            trial.load(folder / "shop" / "later")
            assert_in_step(trial)


@pytest.mark.proof
@pytest.mark.parametrize("seed", [*IN_CI, *(pytest.param(seed, marks=pytest.mark.soak) for seed in IN_SOAK)])
def test_a_shop_arrives_or_says_why_not(seed: int, tables: Path, tmp_path: Path) -> None:
    assert_in_step_from_first_to_last(seed, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_shop_that_failed_once(seed: int, tables: Path, tmp_path: Path) -> None:
    assert_in_step_from_first_to_last(seed, tmp_path)

"""When a delivery is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks import WAITS, wait_after

chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, len(WAITS)), chances)
def test_a_wait_stays_near_its_place_in_the_schedule(attempts: int, chance: float) -> None:
    """Receivers plan by the schedule; the jitter only keeps them from being called together."""
    wait = wait_after(attempts, chance)

    assert wait is not None
    assert WAITS[attempts - 1] * 0.9 <= wait <= WAITS[attempts - 1] * 1.1


@given(st.lists(chances, min_size=len(WAITS) + 1, max_size=len(WAITS) + 1))
def test_it_ends_after_about_three_days(chosen: list[float]) -> None:
    """Long enough for a weekend, and not for ever."""
    waits = [wait_after(attempts, chance) for attempts, chance in enumerate(chosen, 1)]
    whole = sum((wait for wait in waits if wait is not None), timedelta())

    assert waits[-1] is None
    assert None not in waits[:-1]
    assert timedelta(days=2, hours=18) < whole < timedelta(days=3, hours=12)


@given(st.integers(1, len(WAITS) - 1), chances, chances)
def test_each_wait_is_longer_than_the_one_before(
    attempts: int, sooner: float, later: float
) -> None:
    """An endpoint that is down is knocked at less and less."""
    before, after = wait_after(attempts, sooner), wait_after(attempts + 1, later)

    assert before is not None
    assert after is not None
    assert before < after


@given(st.integers(len(WAITS) + 1, 10_000), chances)
def test_nothing_is_tried_after_the_end(attempts: int, chance: float) -> None:
    """Every retry has an end."""
    assert wait_after(attempts, chance) is None

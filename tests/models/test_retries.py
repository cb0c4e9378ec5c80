import asyncio

import pytest
from tenacity import Future, RetryCallState, Retrying

from lumo_graph.errors import ConfigurationError
from lumo_graph.models.retries import RetryPolicy, aretrying, retrying, wait_for


class AskedToWaitError(Exception):
    status_code = 429

    def __init__(self, seconds):
        super().__init__("slow down")
        self.response = type("Response", (), {"headers": {"retry-after": str(seconds)}})()


def waits_after(policy, error, attempt=1):
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    state.outcome = Future.construct(attempt, error, has_exception=True)
    return [wait_for(policy)(state) for _ in range(200)]


def test_waits_are_drawn_from_a_window_that_doubles_up_to_the_longest():
    policy = RetryPolicy(first_wait=1, longest_wait=5)
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (4, 5), (60, 5)):
        waits = waits_after(policy, ConnectionError(), attempt)
        assert 0 <= min(waits) < longest / 4
        assert longest * 3 / 4 < max(waits) <= longest


def test_a_wait_the_provider_names_is_kept():
    waits = waits_after(RetryPolicy(first_wait=1, longest_wait=60), AskedToWaitError(20))
    assert 20 <= min(waits) <= max(waits) <= 21


def test_a_wait_the_provider_names_is_capped():
    assert set(waits_after(RetryPolicy(longest_wait=60), AskedToWaitError(86_400))) == {60}


def test_the_number_of_attempts_is_kept():
    made = []

    def fail():
        made.append(1)
        raise ConnectionError(len(made))

    with pytest.raises(ConnectionError, match="4"):
        retrying(RetryPolicy(attempts=4, first_wait=0), fail)
    assert len(made) == 4


def test_one_attempt_means_no_retry():
    async def fail():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(aretrying(RetryPolicy(attempts=1, first_wait=1e6, longest_wait=1e6), fail))


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2.5},
        {"first_wait": -1},
        {"longest_wait": float("inf")},
        {"longest_wait": float("nan")},
        {"first_wait": "1"},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(options):
    with pytest.raises(ConfigurationError, match=f"RetryPolicy.{next(iter(options))} must be"):
        RetryPolicy(**options)

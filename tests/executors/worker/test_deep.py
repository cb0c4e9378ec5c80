"""Recursion on a large stack."""

import sys
import threading

import pytest

from lumo_graph.executors.worker.deep import call_on_deep_stack, shallow_recursion


def depth_of(limit):
    return 0 if limit == 0 else 1 + depth_of(limit - 1)


def test_the_large_stack_allows_what_the_small_one_does_not():
    with shallow_recursion(), pytest.raises(RecursionError):
        depth_of(20_000)
    assert call_on_deep_stack(lambda: depth_of(20_000)) == 20_000


def test_limits_and_stack_size_are_what_they_were():
    before = sys.getrecursionlimit(), threading.stack_size()
    with pytest.raises(ZeroDivisionError):
        call_on_deep_stack(lambda: 1 // 0)
    assert (sys.getrecursionlimit(), threading.stack_size()) == before
    assert not any(thread.name == "deep-recursion" for thread in threading.enumerate())

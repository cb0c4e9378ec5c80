"""Rules of the contract about an action that runs again, for executors that say they are `deterministic`."""

from lumo_graph.testing.contract.driving import json_of, must, must_equal, run_from
from lumo_graph.types import Executor, Sources

_ACTION = """
import datetime, os, random, time, uuid
drawn = [random.random(), os.urandom(8).hex(), str(uuid.uuid4()), time.time(), str(datetime.datetime.now())]
print(drawn)
echo(drawn)
drawn += [time.monotonic(), random.random()]
drawn
"""


def an_action_that_runs_again_takes_the_same_path(executor: Executor) -> None:
    """From its sources it draws the same in another session, and its calls have the same traces."""
    if not getattr(executor, "deterministic", False):
        return
    first, calls = run_from(executor, _ACTION, sources := Sources())
    second, again = run_from(executor, _ACTION, Sources(seed=sources.seed, clock=first.clock))
    must_equal(json_of(second), json_of(first), "what it draws when it runs again")
    must_equal([call.trace for call in again], [call.trace for call in calls], "the traces of its calls")
    must(all(call.trace for call in calls), "a call in the main thread without a trace")
    other, _ = run_from(executor, _ACTION, Sources())
    pairs = zip(json_of(first), json_of(other), strict=True)
    must(all(one != another for one, another in pairs), "other sources give the same")

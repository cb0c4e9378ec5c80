"""An action that runs again from the sources it had takes the same path: in real sessions, each test in two of them."""

import inspect

import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import MontyExecutor, ProcessExecutor
from lumo_graph.sources import MAX_CLOCK_BYTES
from lumo_graph.testing import check_executor
from lumo_graph.types import Limits, Sources, ToolReply, join_clock
from tests.executors.conftest import TOOLS

SEED, OTHER_SEED = b"s" * 32, b"o" * 32
LIMITS = Limits(memory_mb=1024, disk_mb=8)

RANDOM = {
    "random": "random.random()",
    "Random": "random.Random().random()",
    "seed": "(random.seed(), random.random())[1]",
    "SystemRandom": "random.SystemRandom().random()",
    "shuffle": "(items := list(range(50)), random.shuffle(items))[0]",
    "numpy rand": "float(numpy.random.rand())",
    "numpy default_rng": "float(numpy.random.default_rng().random())",
    "numpy RandomState": "float(numpy.random.RandomState().rand())",
    "numpy SeedSequence": "str(numpy.random.SeedSequence().entropy)",
    "numpy seed": "(numpy.random.seed(), float(numpy.random.rand()))[1]",
    "urandom": "os.urandom(16).hex()",
    "large urandom": "hashlib.sha256(os.urandom(3_000_001)).hexdigest()",
    "getrandom": "os.getrandom(8).hex()",
    "secrets": "secrets.token_hex(8)",
    "secrets choice": "secrets.choice(range(10**9))",
    "uuid1": "str(uuid.uuid1())",
    "uuid4": "str(uuid.uuid4())",
    "node": "uuid.getnode()",
    "temporary name": "tempfile.mktemp()",
    "temporary folder": "tempfile.mkdtemp()",
    "sample": "int(pandas.DataFrame({'a': range(9999)}).sample().a.iloc[0])",
}
TIMES = {
    "time": "time.time()",
    "time_ns": "time.time_ns()",
    "monotonic": "time.monotonic()",
    "monotonic_ns": "time.monotonic_ns()",
    "perf_counter": "time.perf_counter()",
    "perf_counter_ns": "time.perf_counter_ns()",
    "process_time": "time.process_time()",
    "thread_time_ns": "time.thread_time_ns()",
    "clock_gettime": "time.clock_gettime(time.CLOCK_REALTIME)",
    "clock_gettime_ns": "time.clock_gettime_ns(time.CLOCK_MONOTONIC)",
    "localtime": "(time.sleep(1.1), time.asctime(time.localtime()))[1]",
    "gmtime": "(time.sleep(1.1), time.asctime(time.gmtime(None)))[1]",
    "ctime": "(time.sleep(1.1), time.ctime())[1]",
    "asctime": "(time.sleep(1.1), time.asctime())[1]",
    "strftime": "(time.sleep(1.1), time.strftime('%H:%M:%S'))[1]",
    "now": "str(datetime.datetime.now())",
    "now of a zone": "str(datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5))))",
    "now of a subclass": "str(type('Moment', (datetime.datetime,), {}).now())",
    "utcnow": "str(datetime.datetime.utcnow())",
    "today": "str(datetime.datetime.today())",
    "Timestamp": "str(pandas.Timestamp.now())",
    "duration": "(start := time.perf_counter(), sum(range(10_000)), time.perf_counter() - start)[2]",
}
IMPORTS = """\
import datetime, hashlib, os, random, secrets, tempfile, time, uuid, warnings
warnings.simplefilter("ignore")
"""


def action(expression):
    packages = "".join(f"import {name}\n" for name in ("numpy", "pandas") if name in expression)
    return f"{IMPORTS}{packages}{expression}"


@pytest.fixture
def open_session(executor):
    opened = []

    def open_one(namespace=None, *, executor=executor):
        opened.append(executor.open(namespace, tools=TOOLS, limits=LIMITS))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


def run(session, code, sources, *, serve=None):
    requests = []

    def answer(request):
        requests.append(request)
        return serve(request) if serve else ToolReply(value=1)

    done = session.execute(code, seconds=60.0, serve=answer, sources=sources)
    assert done.error is None, done.error
    return done, requests


def run_twice(open_session, code, **more):
    """In two sessions, the second time from the sources of the first."""
    first, _ = run(open_session(), code, Sources(seed=SEED), **more)
    second, _ = run(open_session(), code, Sources(seed=SEED, clock=first.clock), **more)
    return first, second


class Sourced:
    """An executor whose actions all have sources of their own."""

    def __init__(self, executor):
        self._executor = executor
        self.packages = executor.packages

    def open(self, *args, **more):
        session = self._executor.open(*args, **more)
        execute = session.execute
        session.execute = lambda *args, **more: execute(*args, **more, sources=Sources())
        return session


def test_the_contract_of_executors_holds_for_actions_with_sources(executor):
    check_executor(Sourced(executor))


@pytest.mark.parametrize("expression", [*RANDOM.values(), *TIMES.values()], ids=[*RANDOM, *TIMES])
def test_an_action_that_runs_again_gets_the_same_from(expression, open_session):
    first, second = run_twice(open_session, action(expression))
    assert first.value is not None
    assert first.value == second.value
    assert first.clock == second.clock


def test_another_seed_gives_other_random_numbers(open_session):
    code = action(f"[{', '.join(RANDOM.values())}]")
    first, _ = run(open_session(), code, Sources(seed=SEED))
    second, _ = run(open_session(), code, Sources(seed=OTHER_SEED))
    assert [name for name, a, b in zip(RANDOM, first.value.json, second.value.json, strict=True) if a == b] == []


def test_each_draw_of_an_action_is_another_one(open_session):
    code = "import os, uuid\n[os.urandom(16).hex() for _ in range(100)] + [uuid.uuid4().hex for _ in range(100)]"
    done, _ = run(open_session(), code, Sources())
    assert len(set(done.value.json)) == 200


def test_sources_are_made_with_a_secret_seed_of_their_own():
    assert Sources().seed != Sources().seed
    assert repr(Sources()) == "Sources(clock=b'')"


@pytest.mark.parametrize(
    "fields", [{"seed": b"short"}, {"seed": "s" * 32}, {"clock": "c"}, {"clock": bytes(MAX_CLOCK_BYTES + 1)}]
)
def test_sources_that_are_none_are_refused(fields):
    with pytest.raises(ConfigurationError):
        Sources(**fields)


def test_without_sources_everything_comes_from_the_operating_system(open_session):
    code = action(f"[{', '.join(RANDOM.values())}]")
    first, _ = run(open_session(), code, None)
    second, _ = run(open_session(), code, None)
    same = {name for name, a, b in zip(RANDOM, first.value.json, second.value.json, strict=True) if a == b}
    assert same <= {"node"}  # the address of a network card, where one is in sight
    assert first.clock == b""


def test_an_executor_that_is_not_deterministic_leaves_python_as_it_is(open_session):
    session = open_session(executor=ProcessExecutor(require="none", deterministic=False))
    done, requests = run(
        session, "import time, os\nsearch('a')\n[repr(time.time), time.time() > 0, os.urandom(4).hex()]", Sources()
    )
    again, _ = run(session, "os.urandom(4).hex()", Sources())
    assert done.value.json[:2] == ["<built-in function time>", True]
    assert done.value.json[2] != again.value.json
    assert (done.clock, requests[0].trace, requests[0].clock) == (b"", b"", b"")


def test_executors_say_whether_they_are_deterministic():
    assert ProcessExecutor().deterministic
    assert not ProcessExecutor(deterministic=False).deterministic
    assert not getattr(MontyExecutor(), "deterministic", False)
    with pytest.raises(ConfigurationError, match="deterministic must be True or False, not 'yes'"):
        ProcessExecutor(deterministic="yes")


# -- clocks --------------------------------------------------------------------------------------------------------


def test_an_action_that_reads_more_times_than_before_goes_on_and_never_back(open_session):
    code = """
import time
first = [(time.time(), time.monotonic()) for _ in range(5)]
more = [(time.time(), time.monotonic()) for _ in range({more})]
times = first + more
[times, all(a[0] <= b[0] and a[1] <= b[1] for a, b in zip(times, times[1:]))]
"""
    first, _ = run(open_session(), code.format(more=0), Sources(seed=SEED))
    session = open_session()
    run(session, code.format(more=5000), Sources(seed=SEED, clock=first.clock))
    ahead, _ = run(
        session, "[first, all(a[1] <= b[1] for a, b in zip(times, times[1:])), times[-1][0] >= times[0][0]]", None
    )
    assert ahead.value.json == [first.value.json[0], True, True]


def test_the_clock_of_a_second_run_is_that_of_the_first_and_what_came_after(open_session):
    first, _ = run(open_session(), "import time\ntime.time()", Sources(seed=SEED))
    second, _ = run(open_session(), "import time\n[time.time(), time.time()]", Sources(seed=SEED, clock=first.clock))
    third, _ = run(open_session(), "import time\n[time.time(), time.time()]", Sources(seed=SEED, clock=second.clock))
    assert second.clock.startswith(first.clock)
    assert len(second.clock) > len(first.clock)
    assert third.value == second.value
    assert second.value.json[0] == first.value.json


def test_a_duration_is_true_the_first_time(open_session):
    code = "import time\nstart = time.perf_counter()\ntime.sleep(0.2)\ntime.perf_counter() - start"
    first, second = run_twice(open_session, code)
    assert 0.2 <= first.value.json < 2.0
    assert first.value == second.value


def test_a_loop_that_only_looks_at_the_time_keeps_few_of_them(open_session):
    code = """
import time
until = time.monotonic() + 0.05
count = 0
while time.monotonic() < until:
    count += 1
count
"""
    first, second = run_twice(open_session, code)
    assert first.value.json > 5000
    assert second.value.json > 4000
    assert 4000 < len(first.clock) <= MAX_CLOCK_BYTES
    assert first.clock == second.clock


def test_equal_times_take_next_to_no_room(open_session):
    code = "import time\n[time.process_time() for _ in range(1000)] and None"
    done, _ = run(open_session(), f"import time\nreal = time.time_ns\n{code}", Sources())
    assert len(done.clock) < 4000


def test_a_clock_that_is_damaged_is_one_that_ends_earlier(open_session):
    first, _ = run(open_session(), "import time\n[time.time() for _ in range(3)]", Sources(seed=SEED))
    for clock in (first.clock[:-1], b"\xff" * 500, first.clock + b"\x00" + b"\xff" * 30):
        done, _ = run(open_session(), "import time\n[time.time() > 0 for _ in range(3)]", Sources(clock=clock))
        assert done.value.json == [True] * 3


def test_threads_read_true_times_and_take_none_of_the_actions(open_session):
    code = """
import threading, time
seen = [time.monotonic()]
def look(): seen.extend(time.monotonic() for _ in range({n}))
thread = threading.Thread(target=look)
thread.start(); thread.join()
[time.monotonic(), all(a <= b for a, b in zip(seen, [*seen[1:], time.monotonic()]))]
"""
    first, _ = run(open_session(), code.format(n=10), Sources(seed=SEED))
    second, _ = run(open_session(), code.format(n=1000), Sources(seed=SEED, clock=first.clock))
    assert second.value == first.value
    assert first.value.json[1] is True


# -- randomness ----------------------------------------------------------------------------------------------------


def test_threads_and_imports_move_nothing_in_the_action(open_session):
    code = """
import os, threading, uuid
def draw(): [uuid.uuid4() for _ in range({n})]
threads = [threading.Thread(target=draw) for _ in range(3)]
[thread.start() for thread in threads]
first = os.urandom(8).hex()
[thread.join() for thread in threads]
{more}
[first, os.urandom(8).hex()]
"""
    first, _ = run(open_session(), code.format(n=10, more=""), Sources(seed=SEED))
    second, _ = run(open_session(), code.format(n=77, more="import multiprocessing.process"), Sources(seed=SEED))
    assert first.value == second.value


def test_numpy_is_the_same_whether_it_is_imported_in_the_action_or_before(open_session):
    code = "import numpy\n[float(numpy.random.rand()), float(numpy.random.default_rng().random())]"
    late, _ = run(open_session(), code, Sources(seed=SEED))
    session = open_session()
    run(session, "import numpy", None)
    early, _ = run(session, code, Sources(seed=SEED))
    preloaded, _ = run(
        open_session(executor=ProcessExecutor(require="none", preload=["numpy"])), code, Sources(seed=SEED)
    )
    assert late.value == early.value == preloaded.value


@pytest.mark.parametrize(
    ("seed", "draw"),
    [("random.seed(7)", "random.random()"), ("numpy.random.seed(7)", "float(numpy.random.rand())")],
    ids=["random", "numpy"],
)
def test_a_generator_that_the_code_has_seeded_goes_on_with_that(seed, draw, open_session):
    session = open_session()
    run(session, f"import random, numpy\n{seed}", Sources())
    drawn = [run(session, draw, Sources())[0].value.json for _ in range(3)]
    expected, _ = run(open_session(), f"import random, numpy\n{seed}\n[{draw} for _ in range(3)]", None)
    assert drawn == expected.value.json


FORK = """
import os, random, uuid
def child(say):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, say().encode())
        os._exit(0)
    os.wait()
    return os.read(read, 1000).decode()
"""


@pytest.mark.parametrize("draw", ["os.urandom(8).hex()", "str(uuid.uuid4())", "str(random.random())"])
def test_children_draw_numbers_of_their_own_and_the_same_when_it_runs_again(draw, open_session):
    code = f"{FORK}\n[child(lambda: {draw}), child(lambda: {draw}), {draw}]"
    first, second = run_twice(open_session, code)
    assert len(set(first.value.json)) == 3
    assert first.value == second.value


def test_children_draw_from_numpy_what_plain_python_would(open_session):
    code = f"{FORK}\nimport numpy.random\ndraw = lambda: str(numpy.random.rand())\n[child(draw), draw()]"
    done, _ = run(open_session(), code, Sources())
    assert done.value.json[0] == done.value.json[1]


def test_multiprocessing_works(open_session):
    code = """
import multiprocessing, uuid
def draw(n): return uuid.uuid4().hex
with multiprocessing.get_context("fork").Pool(2) as pool:
    drawn = pool.map(draw, range(20))
len(set(drawn))
"""
    done, _ = run(open_session(), code, Sources())
    assert done.value.json == 20


def test_classes_keep_ids_of_their_own(open_session):
    code = """
import cloudpickle
class A: pass
cloudpickle.dumps(A)
cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS[A]
"""
    first, second = run_twice(open_session, code)
    assert first.value.json != second.value.json


def test_an_action_that_was_undone_runs_again_from_its_sources(contained):
    session = contained.session
    code = "import os, random, time\ndrawn = [os.urandom(4).hex(), random.random(), time.time()]\ndrawn"
    first, _ = run(session, code, Sources(seed=SEED))
    if not session.rollback():
        pytest.skip("no copy is frozen here")
    second, _ = run(session, code, Sources(seed=SEED, clock=first.clock))
    assert first.value == second.value


def test_wrappers_look_like_what_they_wrap(open_session):
    code = """
import datetime, inspect, os, pickle, random, time
names = [time.time, time.sleep, time.strftime, os.urandom]
[[f.__module__, f.__qualname__, pickle.loads(pickle.dumps(f)) is f] for f in names] + [
    datetime.datetime.now.__qualname__,
    str(inspect.signature(datetime.datetime.now)),
    isinstance(datetime.datetime.now(), datetime.datetime),
]
"""
    plain, _ = run(open_session(executor=ProcessExecutor(require="none", deterministic=False)), code, None)
    ours, _ = run(open_session(), code, Sources())
    assert ours.value == plain.value


def test_a_clock_and_a_generator_in_variables_travel_with_a_snapshot(open_session):
    session = open_session()
    before = """
import datetime, os, time
f, g, h = time.time, os.urandom, datetime.datetime.now
class T:
    read = time.monotonic
"""
    run(session, before, Sources())
    snapshot = session.snapshot()
    assert snapshot.unsaved == {}
    code = """
import datetime, os, time
[f is time.time, g is os.urandom, h() <= datetime.datetime.now(), f() > 0, T.read is time.monotonic]
"""
    done, _ = run(open_session(snapshot.changed), code, Sources())
    assert done.value.json == [True] * 5


# -- traces --------------------------------------------------------------------------------------------------------

CALLS = """
import random, time, uuid
print("a", random.random())
search(f"{uuid.uuid4()} {time.time()}")
print("b", end="")
search("x")
time.monotonic()
search("y")
"""


def test_the_traces_of_two_runs_agree(open_session):
    first, calls = run(open_session(), CALLS, Sources(seed=SEED))
    second, again = run(open_session(), CALLS, Sources(seed=SEED, clock=first.clock))
    assert [(call.args, call.trace) for call in calls] == [(call.args, call.trace) for call in again]
    assert all(len(call.trace) == 12 for call in calls)
    assert len({call.trace for call in calls}) >= 1
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    "path",
    [
        "print(id(object()), object())",
        "class T:\n    def __init__(self, n): self.n = n\nprint([t.n for t in {T(n) for n in range(20)}])",
        "open('/dev/urandom', 'rb').read(1)[0] % 2 or os.urandom(1)",
    ],
    ids=["id", "set", "draws"],
)
def test_the_traces_of_two_runs_that_took_another_path_differ(path, open_session):
    # Sessions forked from one process have their objects at the same addresses; others have not. The last path draws in
    # about half of all runs.
    code = f"import os\n{path}\nsearch('x')"
    executors = [ProcessExecutor(require="none", preload=preload) for preload in ([], ["colorsys"], ["this"])] * 4
    traces = {run(open_session(executor=one), code, Sources(seed=SEED))[1][0].trace for one in executors}
    assert len(traces) > 1


def test_where_objects_lie_is_no_other_path(open_session):
    code = "class T: pass\nprint(object(), [T(), len], open_it := lambda: 0)\nsearch('x')"
    executors = [ProcessExecutor(require="none", preload=preload) for preload in ([], ["colorsys"], ["this"])]
    done = [run(open_session(executor=one), code, Sources(seed=SEED)) for one in executors]
    assert len({execution.stdout for execution, _ in done}) > 1
    assert len({calls[0].trace for _, calls in done}) == 1


def test_a_clock_that_is_full_ends_the_traces(open_session):
    code = "import time\nsearch('a')\nfor _ in range(5000): time.monotonic_ns()\nprint(time.time())\nsearch('b')"
    _, calls = run(open_session(), code, Sources(seed=SEED))
    assert [bool(call.trace) for call in calls] == [True, False]


def test_the_trace_of_a_call_does_not_depend_on_what_goes_on_beside_it(open_session):
    code = """
import asyncio, threading, uuid
def work(n):
    print("thread", n); uuid.uuid4(); search(str(n))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
async def task(n):
    await asyncio.sleep(0.01 * {order} + 0.1)
    print("task", n)
await asyncio.gather(*[task(n) for n in range(4)])
search("last")
"""
    _, calls = run(open_session(), code.format(order="n"), Sources(seed=SEED))
    _, again = run(open_session(), code.format(order="(4 - n)"), Sources(seed=SEED))
    assert calls[-1].trace == again[-1].trace != b""
    assert {call.trace for call in calls[:-1]} == {b""}


def test_the_clock_is_known_with_each_call(open_session):
    code = """
import time
before = time.time()
search('a')
later = [time.time(), time.monotonic()]
search('b')
[before, later]
"""
    done, calls = run(open_session(), code, Sources(seed=SEED))
    parts = [(call.clock_at, call.clock) for call in calls]
    assert all(part for _, part in parts)
    assert join_clock(reversed(parts)) == done.clock
    again, _ = run(open_session(), code, Sources(seed=SEED, clock=join_clock(parts)))
    assert again.value == done.value
    only = join_clock(parts[:1])
    third, more = run(open_session(), code, Sources(seed=SEED, clock=only))
    assert third.value.json[0] == done.value.json[0]
    assert join_clock([(call.clock_at, call.clock) for call in more], before=only) == third.clock


def test_the_clock_of_an_action_that_dies_is_known_up_to_its_last_call(open_session):
    code = "import os, signal, time\ntime.time()\nsearch('a')\nos.kill(os.getpid(), signal.SIGKILL)"
    done = open_session().execute(code, seconds=30, serve=lambda _: ToolReply(value=1), sources=Sources())
    assert done.rolled_back
    assert done.clock != b""


def test_times_of_a_call_that_was_too_large_come_with_the_next(open_session):
    code = """
import time
first = time.time()
try:
    search("x" * (9 << 20))
except ValueError:
    pass
second = time.time()
search("a")
[first, second]
"""
    first, second = run_twice(open_session, code)
    assert first.value == second.value


def test_a_part_that_is_missing_ends_the_clock():
    assert join_clock([(0, b"ab"), (2, b"c"), (4, b"e")]) == b"abc"
    assert join_clock([(3, b"d")], before=b"abc") == b"abcd"
    assert join_clock([]) == b""


def test_a_session_that_says_too_many_times_is_ended(open_session):
    code = """
import gc
[channel] = [found for found in gc.get_objects() if type(found).__name__ == "Channel"]
[caller] = [found for found in gc.get_objects() if type(found).__name__ == "ToolCaller"]
for n in range(3):
    channel.send(["call", caller._action, n, "search", {"query": ""}, 1, True, b"", bytes(30_000)])
search("x")
"""
    done = open_session().execute(code, seconds=30, serve=lambda _: ToolReply(value=1), sources=Sources())
    assert done.error is not None
    assert "more times than an action may keep" in done.error.message
    assert len(done.clock) <= MAX_CLOCK_BYTES


def test_an_execution_is_stored_without_its_clock(open_session):
    done, _ = run(open_session(), "import time\ntime.time() > 0", Sources())
    assert done.clock
    assert "clock" not in done.to_dict()
    assert type(done).from_dict(done.to_dict()).clock == b""


def test_the_sources_are_optional_in_every_session(open_session):
    for session in (open_session(), MontyExecutor().open(limits=Limits())):
        parameter = inspect.signature(session.execute).parameters["sources"]
        assert parameter.default is None
        session.close()


def test_calls_in_order_are_known_in_a_session_that_is_not_deterministic_too(open_session):
    code = """
import asyncio, threading
search("main")
thread = threading.Thread(target=search, args=("thread",)); thread.start(); thread.join()
async def task(): search("task")
await asyncio.gather(task(), task())
search("main again")
"""
    for executor in (ProcessExecutor(require="none", deterministic=False), ProcessExecutor(require="none")):
        _, calls = run(open_session(executor=executor), code, None)
        assert [call.in_order for call in calls] == [True, False, False, False, True]


def test_which_task_of_a_loop_of_its_own_the_action_is_is_not_known(open_session):
    code = """
import asyncio
async def task(n): search(n)
async def main(): await asyncio.gather(task("a"), task("b"))
asyncio.run(main())
search("after")
"""
    _, calls = run(open_session(), code, Sources())
    assert [(call.in_order, bool(call.trace)) for call in calls] == [(False, False), (False, False), (True, True)]

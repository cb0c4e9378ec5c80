"""Sessions in Monty: what is theirs beside the contract of executors."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import create_lumo_agent, run
from lumo_graph.errors import ConfigurationError, ExecutorError, SnapshotError
from lumo_graph.executors import MontyExecutor
from lumo_graph.executors.monty import MODULES, WITHOUT
from lumo_graph.testing import ScriptedModel, check_executor
from lumo_graph.testing.contract import RULES
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec

TOOLS = (
    ToolSpec(name="echo", parameters=(Parameter(name="value"), Parameter(name="times", annotation="int", default="1"))),
    ToolSpec(name="fetch", parameters=(Parameter(name="key", annotation="str"),), is_async=True),
)


def serve(request):
    return ToolReply(value=dict(request.args) if request.name == "echo" else request.args["key"])


class Driver:
    def __init__(self, session):
        self.session = session

    def do(self, code, *, seconds=30.0, serve=serve, write=None):
        return self.session.execute(code, seconds=seconds, serve=serve, write=write)

    def value(self, code):
        done = self.do(code)
        assert done.error is None, done.error
        return done.value.json

    def error(self, code):
        done = self.do(code)
        assert done.error is not None, done
        return done.error


@pytest.fixture
def driver():
    session = MontyExecutor().open(tools=TOOLS, limits=Limits(memory_mb=128))
    yield Driver(session)
    session.close()


@pytest.mark.parametrize("type_check", [False, True])
def test_monty_keeps_the_contract_but_for_the_rules_it_names(type_check):
    check_executor(MontyExecutor(type_check=type_check), without=WITHOUT)


def test_every_rule_it_names_is_one_it_cannot_keep():
    for rule in RULES:
        if rule.__name__.replace("_", " ") in WITHOUT:
            with pytest.raises(AssertionError):
                rule(MontyExecutor())


def test_every_module_it_names_can_be_imported(driver):
    assert driver.do(f"import {', '.join(MODULES)}").error is None


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'lumo-graph\[monty\]'"):
        MontyExecutor()


def test_a_limit_that_monty_cannot_hold_is_refused():
    with pytest.raises(ConfigurationError, match=r"action_cpu_seconds=2\.5: bound an action by action_seconds"):
        MontyExecutor().open(limits=Limits(action_cpu_seconds=2.5))


def test_what_monty_does_not_know_is_an_error_that_says_so(driver):
    error = driver.error("x = 1\nclass A(dict): pass")
    assert (error.kind, error.line) == ("NotImplementedError", 2)
    assert "inheritance" in error.message
    assert driver.error("import numpy").kind == "ModuleNotFoundError"
    assert driver.error("open('/etc/passwd')").kind == "PermissionError"
    assert driver.error("import os\nos.environ").kind == "RuntimeError"


def test_exit_and_input_say_what_to_do_instead(driver):
    assert (driver.error("exit()").kind, driver.error("input('?')").kind) == ("SystemExit", "RuntimeError")
    assert "final_answer" in driver.error("quit()").message
    assert driver.value("1 + 1") == 2


def test_an_error_shows_where_and_with_which_values(driver):
    driver.do("def half(n):\n    return n / 0")
    error = driver.error("total = 3\n\nhalf(total)")
    assert (error.kind, error.line, error.source) == ("ZeroDivisionError", 3, "half(total)")
    assert error.values["total"] == "3"
    assert "in half" in error.traceback
    assert driver.error("print(totl)").near[0] == "total"


def test_objects_of_the_codes_own_classes_are_described(driver):
    code = "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: list\nPoint(1, [2])"
    value = driver.do(code).value
    assert (value.kind, value.preview, value.json) == ("Point", "Point(x=1, y=[2])", {"x": 1, "y": [2]})
    assert driver.value("echo([Point(3, [])])") == {"value": [{"x": 3, "y": []}]}
    assert driver.do("len").value.json is None
    assert driver.do("{'a': 1}.keys()").value.kind == "dict_keys"


def test_variables_are_described_without_leaving_the_interpreter(driver):
    code = (
        "import math\nn = None\nx = 1\nt = 'ab'\nlong = 'a' * 100\nrows = [1, 2]\nd = {}\ndef f(): pass\n"
        "class A:\n    pass\na = A()\nboth = (A, a)\nw = echo"
    )
    assert driver.do(code).variables == {
        "math": "module math",
        "n": "None",
        "x": "1",
        "t": "'ab'",
        "long": "str (100 characters)",
        "rows": "list (2)",
        "d": "dict (0)",
        "f": "def f(...)",
        "A": "class A",
        "a": "A",
        "both": "tuple (2)",
        "w": "def w(...)",
    }


def test_variables_are_known_even_where_the_code_takes_the_words_for_them_away(driver):
    driver.do("x = 1")
    done = driver.do("locals = 5\ny = 2\nfor z in [1]: pass")
    assert {"x", "y", "z", "locals"} <= done.variables.keys()


def test_sleeping_works_and_gathered_sleeps_overlap(driver):
    code = (
        "import asyncio, time\ntime.sleep(0.01)\nasync def nap(n):\n    await asyncio.sleep(0.01)\n    return n\n"
        "await asyncio.gather(*[nap(n) for n in range(5)])"
    )
    assert driver.value(code) == [0, 1, 2, 3, 4]


def test_a_sync_tool_can_be_awaited_in_gathered_functions(driver):
    code = (
        "import asyncio\nasync def ask(n):\n    return (await echo(n))['value']\n"
        "await asyncio.gather(ask(1), ask(2), fetch('c'))"
    )
    assert driver.value(code) == [1, 2, "c"]


def test_calls_know_their_lines(driver):
    lines = []

    def note(request):
        lines.append(request.line)
        return ToolReply(value=1)

    driver.do("echo(1)\n\necho('é'); echo(3)", serve=note)
    assert lines == [1, 3, 3]


def test_a_tool_may_not_give_what_is_no_data(driver):
    done = driver.do("echo(1)", serve=lambda _: ToolReply(value=object()))
    assert done.error.kind == "TypeError"
    assert "not plain data" in done.error.message
    assert driver.value("2") == 2


@pytest.mark.parametrize(
    ("kind", "caught", "message"),
    [("KeyError", "KeyError", "'no'"), ("ConnectionError", "OSError", "no"), ("EOFError", "ToolError", "EOFError: no")],
)
def test_tool_errors_that_monty_does_not_know_are_the_closest_it_knows(driver, kind, caught, message):
    code = f"try:\n    echo(1)\nexcept {caught} as error:\n    found = str(error)\nfound"
    done = driver.do(code, serve=lambda _: ToolReply(error="no", error_type=kind))
    assert done.value.json == message


def test_a_dying_interpreter_is_an_error_of_the_action(driver):
    pid = driver.session._worker._pid
    done = driver.do(
        "print('before')\nwhile True: pass",
        write=lambda *_: threading.Timer(0.05, os.kill, [pid, signal.SIGKILL]).start(),
    )
    assert (done.error.kind, done.rolled_back, done.stdout) == ("SessionDied", True, "before\n")
    with pytest.raises(ExecutorError, match="ended"):
        driver.do("1")


def test_a_time_limit_ends_sleeping_code(driver):
    done = driver.do("import asyncio\nprint('a')\nawait asyncio.sleep(60)", seconds=0.3)
    assert (done.error.kind, done.rolled_back, done.stdout) == ("TimeoutError", True, "a\n")


def test_too_much_memory_is_an_error(driver):
    assert driver.error("'a' * (200 << 20)").kind == "MemoryError"
    assert driver.value("1") == 1
    done = driver.do("rows = []\nwhile True: rows.append('abc' * 1000)")
    assert (done.error.kind, done.rolled_back) == ("MemoryError", True)


def test_a_repr_that_never_ends_is_not_waited_for(driver):
    done = driver.do("class A:\n    def __repr__(self):\n        while True: pass\nx = [A()]\n1")
    assert (done.error.kind, done.rolled_back) == ("SessionDied", True)


def test_an_error_of_the_writer_is_raised(driver):
    class FullError(Exception):
        pass

    def write(stream, text):
        raise FullError

    with pytest.raises(FullError):
        driver.do("print('a')\nwhile True: pass", write=write)


def test_code_that_is_no_text_is_a_syntax_error(driver):
    assert driver.error("x = '\ud800'").kind == "SyntaxError"


def test_a_restored_session_goes_on_with_lines_and_memory_limit(driver):
    driver.do("def f():\n    return 1 / 0\nx = [1]")
    store = dict(driver.session.snapshot().changed)
    other = Driver(MontyExecutor().open(store, tools=TOOLS, limits=Limits()))
    try:
        assert other.do("x.append(2)").variables["x"] == "list (2)"
        error = other.error("\nf()")
        assert (error.line, error.source) == (2, "f()")
    finally:
        other.session.close()


@pytest.mark.parametrize(
    ("store", "words"),
    [
        pytest.param({"rows": b"x"}, "not saved by a Monty session", id="of another executor"),
        pytest.param({"monty": b"lumo monty 0.1\nabc"}, "saved by Monty 0.1", id="of another version"),
        pytest.param({"monty": b"lumo monty 1.4.0\n" + bytes(40)}, "damaged", id="damaged"),
    ],
)
def test_a_namespace_that_cannot_be_loaded_is_refused(store, words):
    if "1.4.0" in str(store):
        import pydantic_monty

        version = pydantic_monty.__version__.encode()
        store = {name: blob.replace(b"1.4.0", version) for name, blob in store.items()}
    with pytest.raises(SnapshotError, match=words):
        MontyExecutor().open(store, limits=Limits())


def test_a_changed_byte_in_a_namespace_is_found(driver):
    driver.do("x = 1")
    blob = bytearray(driver.session.snapshot().changed["monty"])
    blob[-10] ^= 1
    with pytest.raises(SnapshotError, match="damaged"):
        MontyExecutor().open({"monty": bytes(blob)}, limits=Limits())


def test_the_isolation_report_says_what_is_missing(driver):
    assert driver.session.isolation.tier == "best_effort"
    assert "seccomp" in driver.session.isolation.off


def test_an_agent_runs_in_monty_and_its_variables_are_in_the_checkpoint():
    def price(item: str) -> float:
        """Price of an item."""
        return {"tea": 2.5, "cake": 4.0}[item]

    def code(text):
        return f"```python\n{text}\n```"

    saver = InMemorySaver()
    config = {"configurable": {"thread_id": "t"}}
    for replies, answer in (
        ([code("tea = price('tea')"), code("final_answer(tea * 2)")], 5.0),
        ([code("final_answer(tea + price(item='cake'))")], 6.5),
    ):
        agent = create_lumo_agent(
            ScriptedModel(replies), [price], agent_type="code-agent", executor=MontyExecutor(), checkpointer=saver
        )
        assert agent.invoke({"task": "go"}, config)["answer"] == answer


def test_syntax_of_a_newer_python_is_run_in_monty():
    model = ScriptedModel(['```python\nd = {"a": 1}\nfinal_answer(f"{d["a"]}")\n```'])
    assert run("go", model, agent_type="code-agent", executor=MontyExecutor()).answer == "1"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_closed_sessions_leave_nothing_behind():
    def count():
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), len(children)

    def use():
        session = MontyExecutor().open(tools=TOOLS, limits=Limits())
        session.execute("echo(1)", seconds=30, serve=serve)
        session.close()

    use()
    before = count()
    for _ in range(20):
        use()
    fds, children = count()
    assert fds <= before[0] + 1
    assert children <= before[1]

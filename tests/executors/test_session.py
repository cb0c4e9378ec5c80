import threading

import pytest

from lumo_graph.errors import ExecutorError
from lumo_graph.types import ToolReply


def test_restored_definitions_find_the_names_of_their_module(driver):
    code = "import typing\nclass Node:\n    next: 'Node | None' = None\ntyping.get_type_hints(Node)['next'] is not None"
    assert driver.value(code) is True


def test_instances_of_the_sessions_classes_can_be_pickled(driver):
    code = "import pickle\nclass Point:\n    x = 1\npickle.loads(pickle.dumps(Point())).x"
    assert driver.value(code) == 1


def test_comprehensions_and_closures_of_an_action_see_its_names(driver):
    assert driver.value("k = 2\n[(lambda: n * k)() for n in range(3)]") == [0, 2, 4]


def test_stderr_and_stdout_are_apart(driver):
    done = driver.do("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_output_of_c_code_and_of_children_is_captured(driver):
    done = driver.do(
        "import os\nos.write(1, b'raw ')\n"
        "if os.fork() == 0:\n    print('child', flush=True)\n    os._exit(0)\n_ = os.wait()"
    )
    assert done.stdout == "raw child\n"


def test_a_flood_of_output_keeps_its_head_and_its_tail(driver):
    done = driver.do("for n in range(200_000): print('line', n)")
    assert done.stdout.startswith("line 0\nline 1\n")
    assert done.stdout.endswith("line 199999\n")
    assert "characters left out" in done.stdout
    assert len(done.stdout) < 210_000


def test_output_that_is_no_text_is_shown_as_far_as_it_is(driver):
    done = driver.do("import sys\nprint('\\ud800')\nsys.stdout.buffer.write(b'\\xff\\n')\nNone")
    assert done.stdout == "\\ud800\n�\n"


def test_a_replaced_stdout_is_put_back_for_the_next_action(driver):
    driver.do("import io, sys\nsys.stdout = io.StringIO()\nprint('lost')")
    assert driver.do("print('seen')").stdout == "seen\n"


def test_a_closed_stdout_is_replaced(driver):
    driver.do("import sys\nsys.stdout.close()")
    assert driver.do("print('seen')").stdout == "seen\n"


def test_a_child_that_runs_to_the_end_of_the_action_does_not_answer_for_it(driver):
    assert driver.value("import os\npid = os.fork()\n'parent' if pid else 'child'") == "parent"
    assert driver.value("1") == 1


def test_a_tool_cannot_be_called_from_a_child(driver):
    code = (
        "import os\nif os.fork() == 0:\n    try:\n        search('x')\n    except RuntimeError as error:\n"
        "        print(error, flush=True)\n    os._exit(0)\n_ = os.wait()"
    )
    done = driver.do(code)
    assert "child process" in done.stdout
    assert done.calls == ()


def test_a_dataframe_answer_has_a_preview_and_records(driver):
    done = driver.do("import pandas as pd\nfinal_answer(pd.DataFrame({'a': [1, 2], 'b': ['x', None]}))")
    assert done.answer.kind == "pandas.DataFrame"
    assert done.answer.json == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert "2 rows x 2 columns" in done.answer.preview


def test_an_answer_from_a_thread_counts(driver):
    done = driver.do("import threading\nt = threading.Thread(target=final_answer, args=('t',))\nt.start()\nt.join()")
    assert done.answer.json == "t"
    assert done.stderr == ""


def test_an_answer_from_a_coroutine_ends_the_action(driver):
    done = driver.do("async def main():\n    final_answer(1)\nawait main()\nprint('after')")
    assert (done.answer.json, done.stdout, done.error) == (1, "", None)


def test_a_variable_with_a_tools_name_is_dropped_and_said(driver):
    done = driver.do("search = lambda query: 'forged'")
    assert "search" in done.stderr
    assert driver.value("search('x')") == {"query": "x"}


def test_asyncio_run_works_too(driver):
    body = "import asyncio\nasync def main():\n    return await asyncio.gather(fetch('a'), fetch('b'))"
    code = f"{body}\nasyncio.run(main())"
    assert driver.value(code) == [{"url": "a"}, {"url": "b"}]
    assert driver.value("await fetch('c')") == {"url": "c"}


def test_sync_and_async_calls_mix_across_threads_and_the_loop(driver):
    code = (
        "import asyncio\n"
        "async def main():\n"
        "    slow = [asyncio.to_thread(search, str(n)) for n in range(10)]\n"
        "    return await asyncio.gather(*slow, *(fetch(str(n)) for n in range(10)))\n"
        "[next(iter(got.values())) for got in await main()]"
    )
    assert driver.value(code) == [str(n) for n in range(10)] * 2


def test_a_call_that_is_still_open_when_the_action_ends_is_told_so(driver):
    release = threading.Event()

    def serve(request):
        if request.args["query"] == "slow":
            release.wait(30)
        return ToolReply(value=request.args["query"])

    code = (
        "import threading\n"
        "got, asking = [], threading.Event()\n"
        "def ask():\n"
        "    asking.set()\n"
        "    try:\n"
        "        search('slow')\n"
        "    except RuntimeError as error:\n"
        "        got.append(str(error))\n"
        "thread = threading.Thread(target=ask)\n"
        "thread.start()\n"
        "_ = asking.wait()"
    )
    done = driver.do(code, serve=serve)
    assert done.error is None
    assert [call.ok for call in done.calls] in ([], [False])
    assert driver.value("thread.join()\nlen(got)") == 1
    release.set()
    assert driver.value("search('quick')", serve=serve) == "quick"


def test_a_session_does_one_thing_at_a_time(driver):
    refused = []

    def ask():
        with pytest.raises(ExecutorError) as caught:
            driver.do("1")
        refused.append(caught.value)

    def write(_stream, _text):
        worker = threading.Thread(target=ask)
        worker.start()
        worker.join()

    driver.do("print('go')", write=write)
    assert "busy" in str(refused[0])


def test_a_write_that_raises_ends_the_action_and_is_raised(driver):
    def write(_stream, _text):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        driver.do("print('go')\nwhile True: pass", write=write)
    if driver.session.alive:
        assert driver.value("1") == 1
    else:
        with pytest.raises(ExecutorError):
            driver.do("1")


def test_closing_ends_a_running_action(driver):
    def write(_stream, _text):
        threading.Thread(target=driver.session.close).start()

    done = driver.do("print('go')\nwhile True: pass", write=write)
    assert done.error.kind == "KeyboardInterrupt"


def test_the_stopped_line_is_named(driver):
    error = driver.error("x = 1\nwhile True:\n    x += 1", seconds=0.3)
    assert error.kind == "TimeoutError"
    assert error.line in (2, 3)
    assert "0.3 s" in error.message


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\nos._exit(7)", "status 7"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.closerange(3, 256)\nimport time\ntime.sleep(60)", "closed its channel"),
    ],
    ids=["exit", "segfault", "channel closed"],
)
def test_a_death_says_how(driver, code, says):
    done = driver.do("print('before')\n" + code, seconds=5)
    assert done.rolled_back
    assert done.stdout == "before\n"
    assert done.error.kind == "SessionDied"
    assert says in done.error.message


def test_memory_that_is_not_there_is_an_ordinary_error(driver):
    assert driver.error("x = bytearray(4 << 30)").kind == "MemoryError"
    assert driver.error("many = []\nwhile True:\n    many.append(bytearray(50_000_000))").kind == "MemoryError"
    assert driver.value("del many\n1") == 1


def test_forged_frames_end_the_session_and_not_the_run(driver):
    code = (
        "import os, stat\n"
        "for fd in range(3, 60):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        "            os.write(fd, b'\\xff\\xff\\xff\\xff' + b'x' * 100)\n"
        "    except OSError:\n"
        "        pass\n"
        "import time\ntime.sleep(60)"
    )
    done = driver.do(code, seconds=20)
    assert done.error.kind == "SessionDied"
    assert "channel" in done.error.message


def test_a_forged_call_of_an_unknown_tool_ends_the_session(driver):
    code = (
        "import os, stat, msgpack\n"
        "body = msgpack.packb(['call', 1, 99, 'format_disk', {}, None, True, b'', b''])\n"
        "for fd in range(3, 60):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        "            os.write(fd, len(body).to_bytes(4, 'big') + body)\n"
        "    except OSError:\n"
        "        pass\n"
        "import time\ntime.sleep(60)"
    )
    done = driver.do(code, seconds=20)
    assert done.error.kind == "SessionDied"
    assert done.calls == ()


def test_breaking_the_modules_we_use_does_not_break_the_channel(driver):
    code = (
        "import builtins, json, msgpack, threading\n"
        "msgpack.packb = msgpack.unpackb = json.dumps = None\n"
        "builtins.len = builtins.print = builtins.type = None\n"
        "search('x')"
    )
    assert driver.value(code) == {"query": "x"}
    assert driver.value("2") == 2


def test_an_action_that_is_too_long_is_refused_as_code(driver):
    error = driver.error("x = '" + "a" * (33 << 20) + "'")
    assert error.kind == "SyntaxError"
    assert driver.value("1") == 1


@pytest.mark.parametrize(
    "code", ["", "   \n\n", "# nothing", "pass", "'''doc'''\nx = 1"], ids=["empty", "blank", "comment", "pass", "doc"]
)
def test_actions_without_a_value_have_none(driver, code):
    done = driver.do(code)
    assert done.value is None
    assert done.error is None


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("def f(:\n  pass", "SyntaxError", 1),
        ("if 1:\npass", "IndentationError", 2),
        ("x = 'a\\0b'\ny = \0", "SyntaxError", None),
        ("return 1", "SyntaxError", 1),
        ("x = " + "(" * 300 + ")" * 300, "SyntaxError", None),
    ],
    ids=["colon", "indent", "null byte", "return outside", "nesting"],
)
def test_what_is_no_python_is_said_with_its_line(driver, code, kind, line):
    error = driver.error(code)
    assert error.kind in (kind, "ValueError")
    if line is not None:
        assert error.line == line


def test_a_tracing_function_is_taken_away_after_its_action(driver):
    driver.do("import sys\nsys.settrace(lambda *a: print('traced'))")
    assert driver.do("x = 1").stdout == ""


def test_the_working_directory_is_private_and_writable(driver):
    assert driver.value("open('a.txt', 'w').write('kept')\nopen('a.txt').read()") == "kept"
    assert driver.value("import tempfile\nwith tempfile.TemporaryFile() as f: pass\n1") == 1


def test_a_module_in_the_working_directory_never_hides_an_installed_one(driver):
    planted = "open('json.py', 'w').write('raise SystemExit')"
    code = f"{planted}\nimport sys\nsys.modules.pop('json', None)\nimport json\njson.dumps(1)"
    assert driver.value(code) == "1"
    assert driver.value("open('mine.py', 'w').write('x = 5')\nimport mine\nmine.x") == 5


@pytest.mark.parametrize(
    "poison",
    [
        "import linecache\nlinecache.cache = None",
        "import os\nos.close(1)\nos.close(2)",
        "import os\nos.dup2(os.open('file', os.O_CREAT | os.O_WRONLY), 1)",
        "__builtins__ = {}",
        "del __builtins__",
        "__builtins__.__dict__.clear()",
        "import sys\nsys.modules['__main__'] = None\nsys.modules['builtins'] = None",
    ],
)
def test_an_action_leaves_a_working_interpreter_to_the_next(driver, poison):
    driver.do(poison)
    done = driver.do("print('seen')\nimport json\nlen([1])")
    assert done.error is None
    assert (done.stdout, done.value.json) == ("seen\n", 1)


def test_a_session_whose_streams_cannot_be_put_back_ends(driver):
    driver.do("import os\nos.closerange(1, 3)\nos.closerange(50, 250)")
    assert driver.do("print('lost')").rolled_back

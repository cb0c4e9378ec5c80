"""Every example runs as its text says, with scripted replies of a model over HTTP."""

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from lumo_graph.testing import ScriptedOpenAI
from tests.tracing.sink import collecting

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NOT_HERE = {"temporal_pipeline"}  # needs a Temporal server


def code(text):
    return f"```python\n{text}\n```"


def example(name, replies, folder, *args, says="", environment=None, status=0):
    """Run an example as a user would; what it prints."""
    with ScriptedOpenAI(replies) as server:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py"), *args],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "LUMO_BASE_URL": server.base_url,
                "OPENAI_API_KEY": "none",
                **(environment or {}),
            },
            input=says,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_quickstart(tmp_path):
    printed = example("quickstart", [code("final_answer(3 * price('tea') + price('cake'))")], tmp_path)
    assert printed == "11.5 answered 1 steps\n"


def test_data_analysis_answers_and_draws(tmp_path):
    first = """
import pandas as pd
frame = pd.read_csv('sunspots.csv')
top = frame.nlargest(10, 'sunspots')['year'].sort_values()
local = frame[(frame.sunspots > frame.sunspots.shift(1)) & (frame.sunspots > frame.sunspots.shift(-1))]
local = local[local.sunspots > 50]
"""
    second = """
import matplotlib.pyplot as plt
plt.plot(frame.year, frame.sunspots)
plt.plot(top, frame.set_index('year').sunspots[top], 'o')
plt.savefig('cycles.png')
final_answer({'years': [int(year) for year in top], 'distance': float(local.year.diff().mean())})
"""
    printed = example("data_analysis", [code(first), code(second)], tmp_path)
    answer, file = printed.splitlines()
    assert re.fullmatch(r"\{'years': \[(\d{4}, ){9}\d{4}\], 'distance': \d+\.\d+\}", answer)
    assert re.fullmatch(r"cycles\.png: image/png, [\d,]+ bytes", file)
    assert (tmp_path / "out" / "cycles.png").read_bytes().startswith(b"\x89PNG")


def test_many_items_cost_one_action_or_a_call_each(tmp_path):
    cities = ["Oslo", "Rome", "Cairo", "Lima", "Quito", "Delhi", "Tokyo", "Seoul", "Perth", "Accra"]
    loop = code(f"found = {{city: temperature(city) for city in {cities}}}\nfinal_answer(max(found, key=found.get))")
    calls = [
        AIMessage("", tool_calls=[{"name": "temperature", "args": {"city": city}, "id": f"c{at}"}])
        for at, city in enumerate(cities)
    ]
    printed = example("many_items", [loop, *calls, "It is Quito."], tmp_path).splitlines()
    assert re.fullmatch(r"code-agent: \w+ \(10 tool calls, 1 model calls, [\d,]+ tokens\)", printed[0])
    assert re.fullmatch(r"function-calling: It is Quito\. \(10 tool calls, 11 model calls, [\d,]+ tokens\)", printed[1])


@pytest.mark.parametrize(("said", "paid"), [("y", "2300"), ("n", None)])
def test_approval_asks_inside_the_loop_and_pays_nothing_twice(said, paid, tmp_path):
    loop = """
paid = {}
for invoice, amount in open_invoices().items():
    try:
        paid[invoice] = pay(invoice, amount)
    except Exception as error:
        paid[invoice] = 'not paid'
final_answer(paid)
"""
    printed = example("approval", [code(loop)], tmp_path, says=f"{said}\n")
    assert printed.count("paid A-17: 80 euros") == 1
    assert printed.count("paid A-19: 45 euros") == 1
    assert printed.count("paid A-18: 2300 euros") == (1 if paid else 0)
    assert "pay{'invoice': 'A-18', 'amount': 2300} - approve? [y/n]" in printed


def test_crash_and_resume_sends_every_letter_once(tmp_path):
    each = "    stamp(name)\n    count = send_letter(name)"
    loop = f"for name in ('Ann', 'Bob', 'Cleo', 'Dan'):\n{each}\nfinal_answer(count)"
    example("crash_and_resume", [code(loop)], tmp_path, status=-9)
    assert (tmp_path / "sent.txt").read_text().split() == ["Ann", "Bob"]
    assert example("crash_and_resume", [], tmp_path) == "4 ['Ann', 'Bob', 'Cleo', 'Dan']\n"


def test_time_travel_has_the_variables_of_then(tmp_path):
    replies = [
        code("beds = ['rose', 'tulip']\nfinal_answer(beds)"),
        code("beds.clear()\nfinal_answer(beds)"),
        code("beds.append('lily')\nfinal_answer(beds)"),
    ]
    printed = example("time_travel", replies, tmp_path).splitlines()
    assert printed[:2] == ["later: []", "from before: ['rose', 'tulip', 'lily']"]
    assert len(printed) == 5
    assert all("beds" in line for line in printed[2:])


def test_embedding_runs_an_agent_for_each_region(tmp_path):
    def reply(body):
        region = re.search(r"sales of (\w+)", body["messages"][1]["content"])[1]
        return code(f"final_answer(sum(sales('{region}')))")

    printed = example("embedding", [reply] * 3, tmp_path)
    assert printed == "[('north', 390), ('southeast', 702), ('west', 312)] southeast\n"


def test_phoenix_tracing_sends_the_spans(tmp_path):
    with collecting() as sink:
        printed = example(
            "phoenix_tracing",
            [code("final_answer('tea' if stock('tea') > stock('cake') else 'cake')")],
            tmp_path,
            environment={"PHOENIX_COLLECTOR_ENDPOINT": sink.url},
        )
        names = {span.name for _, span in sink.spans}
    assert printed == "tea\n"
    assert {"invoke_agent lumo_agent", "execute_tool stock", "execute_tool python_interpreter"} <= names


def test_custom_executor_records_the_code(tmp_path):
    replies = [code("a, b = 0, 1\nfor _ in range(20):\n    a, b = b, a + b\nint('x')"), code("final_answer(a)")]
    printed = example("custom_executor", replies, tmp_path)
    assert printed.splitlines()[0] == "6765"
    assert "# done\nfinal_answer(a)" in printed


def test_tool_with_retry_is_busy_twice(tmp_path):
    printed = example("tool_with_retry", [code("final_answer(book('Lise Meitner'))")], tmp_path)
    assert printed == "attempt 1: busy\nattempt 2: busy\nLise Meitner is booked, after 3 attempts\n"


def test_mcp_tools_are_functions(tmp_path):
    replies = [code("final_answer({name: convert(euros=100, currency=name) for name in ('yen', 'pounds')})")]
    assert example("mcp_tools", replies, tmp_path) == "{'yen': 17120.0, 'pounds': 87.0}\n"


def test_structured_answer_goes_back_until_it_fits(tmp_path):
    wrong = "final_answer({'number': 4711, 'customer': 'Ada Byron', 'lines': [], 'sum': 9.0})"
    right = (
        "lines = [{'item': 'tea', 'count': 2, 'price': 2.5}, {'item': 'cake', 'count': 1, 'price': 4.0}]\n"
        "total = sum(line['count'] * line['price'] for line in lines)\n"
        "final_answer({'number': 4711, 'customer': 'Ada Byron', 'lines': lines, 'total': total})"
    )
    printed = example("structured_answer", [code(wrong), code(right)], tmp_path)
    assert printed == "Ada Byron 9.0 ['tea', 'cake']\n['ValidationError', None]\n"


PRIMES = code("n = sum(all(n % d for d in range(2, n)) for n in range(2, 1000))\nfinal_answer(n)")


def test_lumo_sdk_client_runs_without_a_server(tmp_path):
    assert example("lumo_sdk_client", [PRIMES], tmp_path, "--in-process").splitlines()[0] == "168"


def test_lumo_sdk_client_runs_against_one(tmp_path):
    from tests.server.conftest import KEY, Server

    server = Server(tmp_path)
    try:
        environment = {"LUMO_SERVER": server.url, "LUMO_API_KEY": KEY}
        assert example("lumo_sdk_client", [PRIMES], tmp_path, environment=environment).splitlines()[0] == "168"
    finally:
        server.end()


def test_the_notebook_runs_cell_by_cell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw = "import matplotlib.pyplot as plt\nplt.plot(squares)\nplt.savefig('squares.png')\nfinal_answer('drawn')"
    add = "print(sum(squares))\nfinal_answer(385)"
    replies = [
        code("squares = [n * n for n in range(1, 11)]"),
        code(draw),
        code(add),
    ]
    shown = asyncio.run(_cells(EXAMPLES / "notebook.ipynb", replies, monkeypatch))
    assert "data:image/png;base64," in shown[1]._repr_html_()
    assert shown[2] == 385
    assert shown[3][0][0][0] == "squares.png"
    assert "385" in capsys.readouterr().out


async def _cells(notebook, replies, monkeypatch):
    """What the last line of every code cell comes to, as a kernel would run it."""
    namespace, shown = {}, []
    with ScriptedOpenAI(replies) as server:
        monkeypatch.setenv("LUMO_BASE_URL", server.base_url)
        for cell in json.loads(notebook.read_text())["cells"]:
            if cell["cell_type"] != "code":
                continue
            *body, last = ast.parse("".join(cell["source"])).body
            shows = isinstance(last, ast.Expr)
            value = await _run(ast.Module(body if shows else [*body, last], []), "exec", namespace)
            if shows:
                value = await _run(ast.Expression(last.value), "eval", namespace)
            shown.append(value)
    return shown


async def _run(tree, mode, namespace):
    value = eval(compile(tree, "cell", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)  # noqa: S307 - the test
    return await value if asyncio.iscoroutine(value) else value


def test_every_example_is_tested():
    source = Path(__file__).read_text()
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")]:
        if path.stem in NOT_HERE:
            continue
        assert f'"{path.stem}"' in source or f'"{path.name}"' in source, path.name

"""README tells the truth: its Python runs, its picture is the graph's."""

import os
import re
from pathlib import Path

from lumo_graph import create_lumo_agent
from lumo_graph.testing import ScriptedModel
from lumo_graph.toolkit import PythonInterpreter

README = Path(__file__).parents[1] / "README.md"
PICTURE = re.compile(r"(<!-- mermaid: [^>]*test_readme.py -->\n)```mermaid\n(.*?)```", re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def code(text: str) -> str:
    return f"```python\n{text}\n```"


# What a model might reply to README's tasks, in the order in which its examples name a model.
REPLIES = [
    [code("total = 3 * price('tea') + price('cake')\nfinal_answer(total)")],
    [code("tea = price('tea')\nfinal_answer(tea)"), code("final_answer(4 * tea)")],
    [code("final_answer({'tea': price('tea'), 'cake': price('cake')})")],
    [code("found = researcher('prices of tea and cake')\nfinal_answer(max(found, key=found.get))")],
    [
        lambda messages: code(
            f"final_answer({re.findall(r'What is (. times .)', messages[-1].text)[-1].replace('times', '*')})"
        )
    ]
    * 6,
    [code("open('report.md', 'w').write('# Sales\\n\\n' + open('sales.csv').read())\nfinal_answer('report.md')")],
    [code("sum(n * n for n in range(10))"), code("final_answer(285)")],
    [code("tea = price('tea')\nfinal_answer(tea)")],
    [],
    [code("tea = 2 * price('tea')\nfinal_answer(tea)")],
    [],
    [code("tea = price('tea')\nsent = send_email('ann', f'Tea costs {tea}.')"), code("final_answer(sent)")],
    [code("open('report.md', 'w')"), code("final_answer('3 teas')")],
]


def section(title: str) -> str:
    """A section of README, with its heading."""
    _, heading, rest = README.read_text().partition(f"\n## {title}\n")
    return heading + rest.partition("\n## ")[0]


def traces() -> str:
    """The section that sets up a whole process, and so needs one."""
    return section("Trace")


def for_lumo_users() -> str:
    """The section that needs a server."""
    return section("For Lumo users")


def test_the_python_in_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    models = [ScriptedModel(replies) for replies in REPLIES]
    source = "\n".join(BLOCK.findall(README.read_text().replace(traces(), "").replace(for_lumo_users(), "")))
    parts = source.split('"openai:gpt-4.1-nano"')
    assert len(parts) == len(models) + 1
    runnable = "".join(part + f"MODELS[{at}]" for at, part in enumerate(parts[:-1])) + parts[-1]
    namespace = {"MODELS": models, "__name__": "readme"}
    exec(compile(runnable, "README.md", "exec"), namespace)  # noqa: S102 - that is the test
    for model in models:
        model.assert_consumed()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "11.5"
    assert printed[1] == "10.0 answered 1"
    assert printed[2:5] == ["cake", "42", "[42, 49]"]
    *_, last_event, changes, asked, sent, guarded = printed
    assert last_event == "answer"
    assert changes == "[('tea', 'added')]"
    assert namespace["other"].answer == 5.0
    assert asked == "interrupted {'to': 'ann', 'text': 'Tea costs 2.5.'}"
    assert sent == "sent to ann"
    assert guarded == "Unparsable 3 teas"
    assert namespace["result"].answer == 2.5


def test_the_picture_in_the_readme_is_the_graph():
    drawn = create_lumo_agent(ScriptedModel([])).get_graph().draw_mermaid()
    text = README.read_text()
    if os.environ.get("UPDATE_README"):
        README.write_text(PICTURE.sub(lambda match: f"{match[1]}```mermaid\n{drawn}```", text))
        text = README.read_text()
    match = PICTURE.search(text)
    assert match is not None
    assert match[2] == drawn, "run the tests with UPDATE_README=1 to draw it again"


def test_the_picture_has_exactly_the_edges_of_the_design():
    graph = create_lumo_agent(ScriptedModel([])).get_graph()
    assert {(edge.source, edge.target, edge.conditional) for edge in graph.edges} == {
        ("__start__", "prepare", False),
        ("prepare", "plan", False),
        ("plan", "generate_code", True),
        ("plan", "call_model", True),
        ("generate_code", "execute", False),
        ("execute", "observe", False),
        ("call_model", "call_tools", False),
        ("call_tools", "observe", False),
        ("observe", "self_debug", True),
        ("observe", "generate_code", True),
        ("observe", "call_model", True),
        ("observe", "answer", True),
        ("self_debug", "generate_code", False),
        ("answer", "__end__", False),
    }


def test_an_interpreter_among_the_tools_adds_the_ways_to_its_code_and_back():
    plain = create_lumo_agent(ScriptedModel([])).get_graph()
    graph = create_lumo_agent(ScriptedModel([]), tools=[PythonInterpreter()]).get_graph()
    ways = [{(edge.source, edge.target) for edge in one.edges} for one in (plain, graph)]
    assert ways[1] - ways[0] == {("call_tools", "execute"), ("self_debug", "call_model")}


def test_planning_adds_the_way_back_to_the_plan():
    graph = create_lumo_agent(ScriptedModel([]), planning_interval=3).get_graph()
    assert ("observe", "plan") in {(edge.source, edge.target) for edge in graph.edges}

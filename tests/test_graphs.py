"""The graphs that langgraph.json names can be loaded, run, and bring no checkpointer of their own."""

import importlib.util
import json
from pathlib import Path

import pytest

from lumo_graph.testing import ScriptedOpenAI

ROOT = Path(__file__).parents[1]
GRAPHS = json.loads((ROOT / "langgraph.json").read_text())["graphs"]


@pytest.mark.parametrize(
    ("name", "replies"),
    [
        ("code_agent", ["```python\nfinal_answer(6 * 7)\n```"]),
        ("function_calling", ["42"]),
        (
            "research_team",
            [
                "```python\nfinal_answer(writer(f'Say {researcher(\"6 * 7?\")}.'))\n```",
                "```python\nfinal_answer(6 * 7)\n```",
                "42",
            ],
        ),
    ],
)
def test_a_served_graph_answers(name, replies, monkeypatch):
    path, _, attribute = GRAPHS[name].partition(":")
    with ScriptedOpenAI(replies) as server:
        monkeypatch.setenv("LUMO_BASE_URL", server.base_url)
        spec = importlib.util.spec_from_file_location(name, ROOT / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        graph = getattr(module, attribute)
        result = graph.invoke({"task": "What is 6 times 7?"})
    assert (str(result["answer"]), graph.name, graph.checkpointer) == ("42", name, None)


def test_every_graph_in_the_folder_is_served():
    assert {path.stem for path in (ROOT / "graphs").glob("*.py")} == set(GRAPHS)

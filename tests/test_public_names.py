"""What the package promises at its front door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lumo_graph

ROOT = Path(__file__).parents[1]


def test_every_public_name_can_be_imported():
    for name in lumo_graph.__all__:
        assert getattr(lumo_graph, name).__doc__, name


def test_the_lazy_names_are_the_ones_a_type_checker_sees():
    tree = ast.parse(Path(lumo_graph.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {(alias.asname, node.module) for node in block.body for alias in node.names}
    assert seen == set(lumo_graph._HOMES.items())


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = lumo_graph.nothing


def test_importing_a_module_does_not_hide_the_function_of_its_theme():
    import lumo_graph.runs

    assert callable(lumo_graph.run)
    assert callable(lumo_graph.runs.run)


@pytest.mark.parametrize("heavy", ["langgraph", "langchain_core", "pydantic", "opentelemetry", "cloudpickle"])
def test_importing_the_package_imports_nothing_heavy(heavy):
    code = f"import sys, lumo_graph; print({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "lumo_graph/py.typed").is_file()

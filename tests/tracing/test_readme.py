"""What README says of tracing, done as it says it."""

import re
import shlex
import subprocess
import sys

from tests.cli.conftest import MODELS, TOOLS
from tests.test_readme import BLOCK, traces
from tests.tracing.sink import collecting
from tests.tracing.test_configuring import child

MODEL = "openai:gpt-4.1-nano"


def test_its_python_sends_spans_to_the_endpoint():
    (block,) = BLOCK.findall(traces())
    with collecting() as sink:
        done = child("".join([block.replace("http://localhost:6006", sink.url), "\nwork()\n"]))
        assert done.stderr == ""
        assert {resource["service.name"] for resource, _ in sink.spans} == {"shop"}


def test_its_command_prints_the_tree(tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "mytools.py").write_text(TOOLS)
    (command,) = re.findall(r"^lumo (run .*)$", traces(), re.MULTILINE)
    words = [word.replace(MODEL, "models.py:code") for word in shlex.split(command)]
    done = subprocess.run(
        [sys.executable, "-m", "lumo_graph.cli", *words, "--tools", "mytools.py", "--checkpointer", "memory://"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("invoke_agent lumo_agent")


def test_its_names_are_those_of_the_code():
    from lumo_graph.tracing import names
    from lumo_graph.tracing.content import VARIABLE

    section = traces()
    for name in (VARIABLE, names.REPLAYED, names.CONVERSATION_ID, names.SPAN_KIND, names.CODE_STEP, names.CALL_STEP):
        assert f"`{name}`" in section

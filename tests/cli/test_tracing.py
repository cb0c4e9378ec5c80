"""`lumo run --trace`, and where the environment has the spans of a command sent."""

import re

import pytest

from tests.tracing.sink import collecting

RUN = ("run", "Double 21", "--agent-type", "code-agent", "--model", "models.py:code", "--tools", "mytools.py")


def without_times(text):
    return re.sub(r" +▇*$", "", re.sub(r"  [\d.]+ m?s( ▇+)?", "", text), flags=re.MULTILINE)


def test_the_tree_of_a_run_is_printed_at_its_end(lumo):
    done = lumo(*RUN, "--trace", "--checkpointer", "memory://")
    assert done.returncode == 0, done.stderr
    lines = without_times(done.stderr).splitlines()
    assert lines[0].startswith("invoke_agent lumo_agent  answered, 2 steps, ")
    assert lines[1] == "├── step 1"
    assert lines[2].startswith("│   ├── chat scripted  ")
    assert lines[3].startswith("│   └── execute_tool python_interpreter  variables: new, ")
    assert lines[4] == "│       └── execute_tool double"
    assert "invoke_agent" not in done.stdout


def test_without_the_option_nothing_is_printed(lumo):
    assert lumo(*RUN, "--checkpointer", "memory://").stderr == ""


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED turns it off"),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "OTEL_TRACES_SAMPLER=always_off has left it out"),
    ],
)
def test_where_the_environment_keeps_runs_untraced_it_says_so(lumo, variable, why):
    done = lumo(*RUN, "--trace", "--checkpointer", "memory://", **variable)
    assert done.returncode == 0
    assert done.stderr == f"No trace: {why}.\n"


def test_json_on_stdout_stays_json(lumo):
    done = lumo(*RUN, "--trace", "--json")
    assert all(line.startswith("{") for line in done.stdout.splitlines())
    assert "invoke_agent" in done.stderr


def test_a_failed_run_shows_what_failed(lumo, folder):
    done = lumo("run", "go", "--model", "models.py:broken", "--trace")
    assert done.returncode == 2
    (folder / "failing.py").write_text(
        "from lumo_graph.testing import ScriptedModel\nmodel = ScriptedModel(replies=[ValueError('no')])\n"
    )
    done = lumo("run", "go", "--model", "failing.py:model", "--trace")
    assert "chat scripted" in done.stderr
    assert "ValueError" in done.stderr
    assert "ModelError, failed" in done.stderr


def test_a_resume_is_marked_as_one(lumo):
    lumo(*RUN, "--thread", "t", "--interrupt-on", "double")
    done = lumo(
        "resume", "t", "--model", "models.py:code", "--tools", "mytools.py", "--interrupt-on", "double",
        "--approve", "--trace",
    )  # fmt: skip
    assert re.search(r"invoke_agent lumo_agent .*, resumed", done.stderr)


def test_the_environment_has_spans_sent(lumo):
    with collecting() as sink:
        done = lumo(*RUN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(sink.spans) == 8


def test_shown_and_sent_go_together(lumo):
    with collecting() as sink:
        done = lumo(*RUN, "--trace", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert "invoke_agent" in done.stderr
        assert len(sink.spans) == 8


def test_shown_and_sent_to_where_a_file_of_tools_says_go_together(lumo, folder):
    with collecting() as sink:
        (folder / "mytools.py").write_text(
            f"from lumo_graph import configure_tracing\nconfigure_tracing(endpoint={sink.url!r})\n"
            "def double(n: int) -> int:\n    'Twice the number.'\n    return 2 * n\n"
        )
        done = lumo(*RUN, "--trace")
        assert done.stderr.startswith("invoke_agent")
        assert len(sink.spans) == 8


@pytest.mark.parametrize("name", ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"])
def test_a_destination_that_cannot_be_used_ends_the_command(lumo, name):
    done = lumo(*RUN, **{name: "zipkin"})
    assert done.returncode == 2
    assert done.stderr == f"lumo: {name} must name otlp, console or none, not 'zipkin'.\n"

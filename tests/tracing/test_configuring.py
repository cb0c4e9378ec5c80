"""`configure_tracing` in processes of its own, with a real collector at the other end."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lumo_graph.tracing.content import VARIABLE
from tests.tracing.sink import collecting

ROOT = Path(__file__).parents[2]
HEAD = """\
import sys, time
from lumo_graph import configure_tracing, run
from lumo_graph.testing import ScriptedModel

def add(a: int, b: int) -> int:
    "The sum."
    return a + b

CODE = "```python\\ntotal = add(1, 2)\\n```"
def work():
    return run("add", ScriptedModel(replies=[CODE, "```python\\nfinal_answer(total)\\n```"]), tools=[add],
               agent_type="code-agent").answer
"""
RUNS = "print(configure_tracing(), work())"
KEYS = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk"}
DASHBOARD = ("OTEL_", "LANGFUSE_")


def child(code, **environment):
    """Run code in a process that has only these of the variables for tracing."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(DASHBOARD)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", HEAD + code],
        env={**clean, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_the_standard_variables_are_enough():
    with collecting() as sink:
        done = child(
            RUNS,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_SERVICE_NAME="shop",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
            OTEL_EXPORTER_OTLP_HEADERS="x-team=blue",
        )
        assert (done.stdout, done.stderr) == ("True 3\n", "")
        about = {resource["service.name"] for resource, _ in sink.spans}
        assert about == {"shop"}
        assert sink.spans[0][0]["deployment.environment"] == "test"
        assert sorted(span.name for _, span in sink.spans) == sorted(
            ["invoke_agent lumo_agent", "execute_tool add"]
            + ["code_agent.step", "chat scripted", "execute_tool python_interpreter"] * 2
        )
        assert len({span.trace_id for _, span in sink.spans}) == 1
        assert {"lumo_graph.runs", "gen_ai.client.token.usage", "lumo_graph.agent.steps"} <= sink.metrics
        assert all(headers["x-team"] == "blue" for _, headers, _ in sink.requests)


def test_arguments_do_the_same():
    code = "configure_tracing(service_name='mine', endpoint=sys.argv[1], headers={'x-key': 'k'}); work()"
    with collecting() as sink:
        done = child(code.replace("sys.argv[1]", repr(sink.url)))
        assert done.stderr == ""
        assert {resource["service.name"] for resource, _ in sink.spans} == {"mine"}
        assert sink.requests[0][1]["x-key"] == "k"
        assert sink.metrics == set()  # a dashboard for traces would refuse them


def test_an_endpoint_may_have_the_path_of_the_traces():
    with collecting() as sink:
        done = child(f"configure_tracing(endpoint='{sink.url}/v1/traces/', metrics=True); work()")
        assert done.stderr == ""
        assert {path for path, _, _ in sink.requests} == {"/v1/traces", "/v1/metrics"}


def test_metrics_go_where_the_traces_go_if_asked_for():
    with collecting() as sink:
        child(f"configure_tracing(endpoint={sink.url!r}, metrics=True); work()")
        assert "lumo_graph.runs" in sink.metrics


def test_metrics_can_be_left_out():
    with collecting() as sink:
        child("configure_tracing(metrics=False); work()", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert len(sink.spans) == 8
        assert sink.metrics == set()


def test_the_service_has_a_name_without_being_given_one():
    with collecting() as sink:
        child(RUNS, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        (about,) = {tuple(sorted(resource.items())) for resource, _ in sink.spans}
        assert dict(about)["service.name"] == dict(about)["openinference.project.name"] == "lumo_graph"


def test_the_console_is_a_destination_too():
    kinds = {f"OTEL_{signal}_EXPORTER": "console" for signal in ("TRACES", "METRICS", "LOGS")}
    done = child(RUNS, **kinds, **{VARIABLE: "EVENT_ONLY"})
    for told in ('"name": "invoke_agent lumo_agent"', '"name": "lumo_graph.runs"', "gen_ai.client.inference.operation"):
        assert told in done.stdout


def test_langfuse_gets_spans_by_its_own_variables():
    with collecting() as sink:
        done = child(RUNS, LANGFUSE_HOST=sink.url, **KEYS)
        assert done.stdout == "True 3\n"
        assert {path for path, _, _ in sink.requests} == {"/api/public/otel/v1/traces"}
        assert sink.requests[0][1]["authorization"] == "Basic cGs6c2s="


def test_with_langfuse_alone_events_go_nowhere():
    with collecting() as sink:
        done = child(RUNS, LANGFUSE_HOST=sink.url, **KEYS, **{VARIABLE: "SPAN_AND_EVENT"})
        assert (done.stdout, done.stderr) == ("True 3\n", "")  # no complaint of a collector that nobody has named
        assert b"total = add(1, 2)" in sink.bytes


def test_langfuse_and_a_collector_get_them_both():
    with collecting() as one, collecting() as other:
        child(
            RUNS,
            OTEL_EXPORTER_OTLP_ENDPOINT=one.url,
            LANGFUSE_HOST=other.url,
            **KEYS,
        )
        assert len(one.spans) == len(other.spans) == 8
        assert other.metrics == set()


def test_a_provider_that_is_set_stays():
    code = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
mine, exporter = TracerProvider(), InMemorySpanExporter()
mine.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(mine)
print(configure_tracing(), trace.get_tracer_provider() is mine, work(), len(exporter.get_finished_spans()))
"""
    with collecting() as sink:
        done = child(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (done.stdout, done.stderr) == ("False True 3 8\n", "")
        assert sink.requests == []


def test_a_second_time_it_changes_nothing():
    with collecting() as sink:
        done = child("print(configure_tracing(), configure_tracing(), work())", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (done.stdout, done.stderr) == ("True False 3\n", "")
        assert len(sink.spans) == 8


def test_a_second_time_it_keeps_the_hook_and_what_is_captured():
    code = """
configure_tracing(capture_content="SPAN_ONLY", redact=lambda text: text.replace("total", "***"))
print(configure_tracing(), work())
"""
    with collecting() as sink:
        done = child(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **{VARIABLE: "SPAN_AND_EVENT"})
        assert done.stdout == "False 3\n", done.stderr
        assert b"*** = add(1, 2)" in sink.bytes
        assert b"total = add" not in sink.bytes


def test_it_can_be_turned_off_from_outside():
    with collecting() as sink:
        done = child(RUNS, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_SDK_DISABLED="true")
        assert done.stdout == "False 3\n"
        assert sink.requests == []


def test_an_exporter_of_ones_own_gets_the_spans():
    code = """
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
configure_tracing(exporter=exporter)
work()
from opentelemetry import trace
trace.get_tracer_provider().force_flush()
print(len(exporter.get_finished_spans()))
"""
    assert child(code).stdout == "8\n"


def test_nothing_is_imported_or_started_before_it_is_called():
    code = """
import threading
work()
from opentelemetry import trace
print(type(trace.get_tracer_provider()).__name__, [name for name in sys.modules if "otlp" in name],
      [thread.name for thread in threading.enumerate() if "Otel" in thread.name])
"""
    with collecting() as sink:
        done = child(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert done.stdout == "ProxyTracerProvider [] []\n"
        assert sink.requests == []


def test_log_lines_lead_to_their_trace():
    code = """
import logging
logging.basicConfig(format="%(message)s %(otelTraceID)s %(otelSpanID)s")
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
configure_tracing(exporter=InMemorySpanExporter())
log = logging.getLogger("lumo_graph")
log.warning("outside")
with trace.get_tracer("x").start_as_current_span("inside") as span:
    log.warning("inside")
    print(f"{span.get_span_context().trace_id:032x} {span.get_span_context().span_id:016x}")
"""
    done = child(code)
    assert done.stderr == f"outside 0 0\ninside {done.stdout}"


def test_they_do_where_the_provider_is_the_callers_own():
    code = """
import logging
logging.basicConfig(format="%(message)s %(otelTraceID)s")
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
configure_tracing()
logging.getLogger("lumo_graph").warning("outside")
"""
    assert child(code).stderr == "outside 0\n"


# -- collectors that do not do what they should


def dead_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


TIMED = """
configure_tracing()
began = time.monotonic()
work()
print(time.monotonic() - began)
sys.stdout.flush()
"""


@pytest.mark.parametrize("behaviour", [{"status": 500}, {"status": 403}, {"hangs": True}, None])
def test_a_collector_that_fails_hangs_or_is_not_there_costs_the_run_nothing(behaviour):
    with collecting(**(behaviour or {})) as sink:
        url = sink.url if behaviour else f"http://127.0.0.1:{dead_port()}"
        began = time.monotonic()
        done = child(TIMED, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="10")
        took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5  # one export that is waited for takes longer than that
    assert took < 20  # the start of Python included, on a machine that may be busy


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER must name otlp, console or none, not 'zipkin'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "soap"}, "http/protobuf, grpc: 'soap'"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "OTEL_EXPORTER_OTLP_TIMEOUT must be a number of seconds, not 'soon'"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "nan"}, "OTEL_EXPORTER_OTLP_TIMEOUT must be a number of seconds, not 'nan'"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, "OTEL_EXPORTER_OTLP_TIMEOUT must be a number of seconds, not '-1'"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be an address such as"),
        ({"LANGFUSE_PUBLIC_KEY": "pk"}, "LANGFUSE_SECRET_KEY is not set"),
        (
            {**KEYS, "LANGFUSE_HOST": "localhost"},
            "LANGFUSE_HOST must be an address such as",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environment, said):
    done = child("configure_tracing()", **environment)
    assert said in done.stderr.splitlines()[-1]
    assert "sk" not in done.stderr.splitlines()[-1].replace("ask", "")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("configure_tracing(endpoint='localhost:4318')", "endpoint must be an address such as 'http://localhost:4318'"),
        ("configure_tracing(headers={'a': 'b'})", "headers are for an endpoint"),
        ("configure_tracing(endpoint='http://h', exporter=object())", "endpoint and exporter are both given"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(call, said):
    assert said in child(call).stderr.splitlines()[-1]


def test_a_missing_package_is_named():
    code = "sys.modules['opentelemetry.exporter.otlp.proto.http'] = None\nconfigure_tracing()"
    assert "pip install 'lumo-graph[otlp]'" in child(code).stderr.splitlines()[-1]


# -- what must not leave, and what must not get in


def test_with_content_off_none_of_it_is_in_the_bytes_on_the_wire():
    code = """
from lumo_graph.models import RetryPolicy
def peep(text: str) -> str:
    "canary-description"
    if "fail" in text:
        raise LookupError("canary-failure")
    return "canary-result"
configure_tracing()
replies = ["canary-thought\\n```python\\n# canary-code\\nprint(peep('canary-argument'))\\npeep('canary-fail')\\n```",
           "```python\\nfinal_answer('canary-answer')\\n```"]
run("canary-task", ScriptedModel(replies=replies), tools=[peep], agent_type="code-agent", system_prompt="canary-system")
try:
    run("canary-task", ScriptedModel(replies=[ConnectionError("canary-key")]), retry=RetryPolicy(attempts=1))
except Exception as error:
    print(type(error).__name__)
"""
    with collecting() as sink:
        done = child(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_LOGS_EXPORTER="otlp")
        assert done.stdout == "ModelError\n", done.stderr
        assert b"lumo_agent" in sink.bytes
        assert b"canary" not in sink.bytes.lower()
        assert done.stderr == ""


def test_with_content_on_it_is():
    with collecting() as sink:
        child(RUNS, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **{VARIABLE: "SPAN_AND_EVENT"})
        assert b"total = add(1, 2)" in sink.bytes
        assert sink.bodies("/v1/logs")


def test_no_endpoint_and_no_key_gets_into_the_session():
    looks = """
import os, sys, gc
seen = "".join(f"{k}={v};" for k, v in os.environ.items())
print("otlp" in " ".join(sys.modules) or "canary" in seen or "opentelemetry.sdk.trace" in sys.modules)
"""
    code = f"""
configure_tracing()
looks = {looks!r}
print(run("look", ScriptedModel(replies=["```python" + looks + "```", "```python\\nfinal_answer(0)\\n```"]),
          agent_type="code-agent").steps[0].observation)
"""
    with collecting() as sink:
        done = child(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_EXPORTER_OTLP_HEADERS="x-key=canary")
    assert "False" in done.stdout, done.stdout + done.stderr

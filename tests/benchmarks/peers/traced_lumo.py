"""lumo_graph's code agent under one way of tracing, and without it, turn by turn in one process: what a run costs.

Runs in our environment, and for OpenInference in one of its own. CPU is that of all threads of the host; what the
thread that exports has used is counted apart, because it works when it likes.
"""

import argparse
import gc
import json
import statistics
import threading
import time
from pathlib import Path

from scripted_chat import ScriptedChat

STEPS = 5
_WARM_UP = 3
_SPANS = 20
_ATTRIBUTES = {f"gen_ai.attribute.{number}": "a value of some length" for number in range(11)}


def read(n: int) -> int:
    """Reads a number."""
    return n


def start(mode: str, endpoint: str) -> None:
    """Set up what the mode is named after."""
    if mode == "off":
        return
    if mode == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=5)))
        trace.set_tracer_provider(provider)
        LangChainInstrumentor().instrument(tracer_provider=provider)
        return
    if mode == "sampled out":
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

        trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
        return
    from lumo_graph import configure_tracing

    captured = "SPAN_ONLY" if "content" in mode else "NO_CONTENT"
    configure_tracing(endpoint=endpoint, metrics="metrics" in mode, capture_content=captured)


def spans_by_hand() -> None:
    """What the spans of a run cost at least: as many, with as many attributes, made and sent by the SDK alone."""
    from opentelemetry import trace

    tracer = trace.get_tracer("by hand")
    for _ in range(_SPANS):
        with tracer.start_as_current_span("span", attributes=_ATTRIBUTES):
            pass


def toggle(mode: str, *, on: bool) -> None:
    """Have OpenInference trace or not; our own agents are told when they are made."""
    if mode == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor

        instrumentor = LangChainInstrumentor()
        instrumentor.instrument() if on else instrumentor.uninstrument()


def exporting() -> float:
    """CPU seconds of the threads that export."""
    tasks = [Path(f"/proc/self/task/{thread.native_id}/schedstat") for thread in threading.enumerate()
             if "Otel" in thread.name]  # fmt: skip
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def main() -> None:
    """Measure, and print the figures of one run as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", required=True)
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    start(asked.mode, asked.endpoint)
    toggle(asked.mode, on=False)
    from lumo_graph import create_lumo_agent
    from lumo_graph.executors import ProcessExecutor

    executor = ProcessExecutor()

    def work(*, traced: bool) -> tuple[float, float]:
        toggle(asked.mode, on=traced)
        model = ScriptedChat(
            replies=STEPS, action="```python\nx = read(n=1)\n```", closing="```python\nfinal_answer(x)\n```"
        )
        ours = traced and asked.mode not in {"openinference", "spans by hand"}
        agent = create_lumo_agent(model, [read], agent_type="code-agent", executor=executor, tracing=ours)
        wall, cpu = time.perf_counter(), time.process_time() - exporting()
        done = agent.invoke({"task": "Read it again and again.", "limits": {"max_steps": STEPS}})
        if traced and asked.mode == "spans by hand":
            spans_by_hand()
        wall, cpu = time.perf_counter() - wall, time.process_time() - exporting() - cpu
        if (done["answer"], len(done["steps"])) != (1, STEPS):
            raise RuntimeError(f"{len(done['steps'])} steps, answered {done['answer']!r}")
        return 1000 * cpu, 1000 * wall

    for _ in range(_WARM_UP):
        work(traced=False)
        work(traced=True)
    gc.collect()
    gc.disable()  # it comes when it likes, and would be counted for whichever run it fell into
    exported = exporting()
    pairs = [(work(traced=False), work(traced=True)) for _ in range(asked.runs)]
    figures = {
        "cpu": statistics.median(plain[0] for plain, _ in pairs),
        "adds": statistics.median(traced[0] - plain[0] for plain, traced in pairs),
        "exports": 1000 * (exporting() - exported) / asked.runs,
        "wall": statistics.median(traced[1] - plain[1] for plain, traced in pairs),
    }
    print(json.dumps({**figures, "runs": asked.runs + _WARM_UP}), flush=True)


if __name__ == "__main__":
    main()

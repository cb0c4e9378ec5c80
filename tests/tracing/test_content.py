"""What of a run's content is told: nothing unless asked for, and then what the hook leaves of it."""

import json

import pytest
from opentelemetry import _logs as logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.testing import ScriptedModel
from lumo_graph.tracing.configuring import configure_tracing
from lumo_graph.tracing.content import VARIABLE, choose_content, content
from tests.tracing.agents import caller, calls, coder
from tests.tracing.conftest import forget_choices

CANARY = "canary"
CODE = """\
I think canary-thought.
```python
# canary-code
print(peep('canary-argument'))
class CanaryKind(Exception): pass
raise CanaryKind('canary-exception')
```"""


def peep_at(numbers: list) -> None:
    """Looks at numbers."""


def peep(text: str) -> str:
    """Canary-description."""
    if "fail" in text:
        raise LookupError("canary-failure")
    return "canary-result"


def chatty(**options):
    fails = "```python\npeep('canary-fail')\n```"
    unknown = "```python\ncanary_name\n```"
    answer = "```python\nfinal_answer('canary-answer')\n```"
    return coder(CODE, fails, unknown, answer, tools=[peep], system_prompt="canary-system", **options)


def test_without_being_asked_nothing_of_it_is_told(spans):
    assert chatty().invoke({"task": "canary-task"})["answer"] == "canary-answer"
    assert CANARY not in spans.told().lower()
    assert "_OTHER" in spans.told()  # the class of an exception is a name that the code chose


def test_the_error_of_a_tool_that_code_has_called_is_told_by_its_class(spans):
    def broken() -> None:
        """Fails."""
        raise type("Unusual", (Exception,), {})

    coder("```python\nbroken()\n```", "```python\nfinal_answer(0)\n```", tools=[broken]).invoke({"task": "fail"})
    failed, _ = spans.named("execute_tool python")
    assert failed.attributes["error.type"] == "lumo_graph.ToolError"


def test_nor_is_it_of_function_calls(spans):
    wanted = calls(("peep", {"text": "canary-argument"}), ("peep", {"text": "canary-fail"}), ("canary_tool", {"x": 1}))
    caller(wanted, "canary-answer", tools=[peep]).invoke({"task": "canary-task"})
    assert CANARY not in spans.told().lower()
    assert spans.named("execute_tool unknown")


@pytest.mark.parametrize("reason", ["Stopped at canary.", ["canary"], "canary" * 100])
def test_nor_is_a_reason_to_finish_that_is_no_word(spans, reason):
    class Talkative(ScriptedModel):
        def _stream(self, *args, **options):
            for chunk in super()._stream(*args, **options):
                chunk.message.response_metadata["finish_reason"] = reason
                yield chunk

    create_lumo_agent(Talkative(replies=["Yes."]), []).invoke({"task": "canary-task"})
    assert CANARY not in spans.told().lower()
    assert spans.one("chat").attributes["gen_ai.response.finish_reasons"] == ("_OTHER",)


def test_nor_is_the_text_of_an_exception_that_ends_the_run(spans):
    with pytest.raises(ModelError):
        coder(ValueError("canary-key")).invoke({"task": "canary-task"})
    assert CANARY not in spans.told().lower()


def test_on_spans_all_of_it_stands_where_dashboards_look(spans, monkeypatch):
    monkeypatch.setenv(VARIABLE, "span_only")
    chatty().invoke({"task": "canary-task"})
    root, chat = spans.one("invoke_agent").attributes, spans.named("chat")[1].attributes
    assert json.loads(root["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "canary-task"}]}
    ]
    assert (root["input.value"], root["output.value"]) == ("canary-task", "canary-answer")
    assert "canary-system" in json.loads(chat["gen_ai.system_instructions"])[0]["content"]
    roles = [message["role"] for message in json.loads(chat["gen_ai.input.messages"])]
    assert roles == ["user", "assistant", "user"]
    assert json.loads(chat["gen_ai.output.messages"])[0]["finish_reason"] == "stop"
    code, tool = spans.named("execute_tool python")[0].attributes, spans.named("execute_tool peep")[0].attributes
    assert "canary-code" in json.loads(code["gen_ai.tool.call.arguments"])["code"]
    assert json.loads(code["gen_ai.tool.call.result"])["stdout"] == "canary-result\n"
    assert code["error.type"] == "CanaryKind"
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"text": "canary-argument"}
    assert json.loads(tool["gen_ai.tool.call.result"]) == tool["output.value"].strip('"') == "canary-result"
    failed = spans.named("execute_tool peep")[1].attributes
    assert "canary-failure" in json.loads(failed["gen_ai.tool.call.result"])["error"]


def test_in_events_it_stands_in_none_of_the_spans(spans, monkeypatch):
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", provider)
    assert logs.get_logger_provider() is provider
    monkeypatch.setenv(VARIABLE, "EVENT_ONLY")
    chatty().invoke({"task": "canary-task"})
    assert CANARY not in spans.told().lower()
    records = [data.log_record for data in exporter.get_finished_logs()]
    assert [record.event_name for record in records] == ["gen_ai.client.inference.operation.details"] * 4
    assert "canary-task" in records[0].attributes["gen_ai.input.messages"]
    chat = spans.named("chat")[0].context
    assert (records[0].trace_id, records[0].span_id) == (chat.trace_id, chat.span_id)


def test_a_hook_sees_every_text_before_it_is_told(spans, monkeypatch):
    choose_content("SPAN_ONLY", lambda text: text.replace("canary", "***").replace("Canary", "***"))
    chatty().invoke({"task": "canary-task"})
    told = spans.told().lower()
    assert "***-argument" in told
    assert CANARY not in told


def test_a_hook_sees_numbers_too_and_what_it_leaves_alone_stays_a_number(spans):
    choose_content("SPAN_ONLY", lambda text: text.replace("4111111111111111", "****"))
    pays = "```python\npeep_at([4111111111111111, 7, 0.5, True])\n```"
    coder(pays, "```python\nfinal_answer(4111111111111111)\n```", tools=[peep_at]).invoke({"task": "pay"})
    assert "4111111111111111" not in spans.told()
    shown = json.loads(spans.one("execute_tool peep").attributes["gen_ai.tool.call.arguments"])
    assert shown == {"numbers": ["****", 7, 0.5, True]}
    assert spans.one("invoke_agent").attributes["output.value"] == "****"


def test_of_a_list_of_millions_the_hook_sees_only_what_is_shown():
    seen = []
    choose_content("SPAN_ONLY", lambda text: seen.append(text) or text)
    try:
        assert content().clean(range(10)) == "range(0, 10)"
        assert content().clean([*range(1_000_000)]) == [0, 1, "...", 999_998, 999_999]
        assert len(content().clean({str(n): n for n in range(1_000_000)})) == 5
    finally:
        forget_choices()
    assert len(seen) == 1 + 5 + 2 * 5


def test_the_content_of_a_run_that_is_not_sampled_is_not_looked_at(spans):
    seen = []
    choose_content("SPAN_ONLY", lambda text: seen.append(text) or text)
    config = {"metadata": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}}
    assert chatty().invoke({"task": "canary-task"}, config)["answer"] == "canary-answer"
    assert seen == []


def test_a_hook_that_fails_lets_nothing_through(spans):
    def hook(text):
        raise RuntimeError(text)

    choose_content("SPAN_ONLY", hook)
    assert chatty().invoke({"task": "canary-task"})["answer"] == "canary-answer"
    assert CANARY not in spans.told().lower()
    assert "redact failed" in spans.told()


def test_it_is_said_once_that_a_hook_fails(spans, caplog):
    def hook(text):
        raise RuntimeError(text)

    choose_content("SPAN_ONLY", hook)
    chatty().invoke({"task": "canary-task"})
    assert [record.getMessage() for record in caplog.records if record.name == "lumo_graph"] == [
        "redact failed with RuntimeError: texts are left out of the trace"
    ]


def test_a_hook_that_returns_no_text_harms_no_run(spans):
    choose_content("SPAN_ONLY", lambda _: "\ud800")
    assert chatty().invoke({"task": "canary-task"})["answer"] == "canary-answer"
    assert spans.one("invoke_agent").attributes["input.value"] == "\ufffd"
    choose_content("SPAN_ONLY", lambda _: None)
    assert chatty().invoke({"task": "canary-task"})["answer"] == "canary-answer"


def test_a_long_conversation_stays_json_of_the_allowed_length(spans, monkeypatch):
    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3000")
    coder("```python\n" + "x = 1\n" * 5_000 + "\n```", "```python\nfinal_answer('y' * 20_000)\n```").invoke(
        {"task": "z" * 50_000}
    )
    for span in spans.all:
        for name, value in span.attributes.items():
            if isinstance(value, str):
                assert len(value) <= 3000, name
            if name.endswith((".messages", ".arguments", "_instructions")):
                json.loads(value)


@pytest.mark.parametrize(
    ("given", "on_spans", "in_events"),
    [
        ("", False, False),
        ("NO_CONTENT", False, False),
        ("false", False, False),
        ("Span_Only", True, False),
        ("EVENT_ONLY", False, True),
        ("SPAN_AND_EVENT", True, True),
        ("true", True, True),
    ],
)
def test_the_standard_variable_decides(monkeypatch, given, on_spans, in_events):
    monkeypatch.setenv(VARIABLE, given)
    assert (content().on_spans, content().in_events) == (on_spans, in_events)


def test_a_word_it_does_not_know_means_nothing_and_is_told(monkeypatch, caplog):
    monkeypatch.setenv(VARIABLE, "everything")
    assert not content()
    assert "EVERYTHING" in caplog.text


def test_what_the_program_says_counts_more_than_the_variable(monkeypatch):
    monkeypatch.setenv(VARIABLE, "SPAN_AND_EVENT")
    choose_content("NO_CONTENT", None)
    try:
        assert not content()
    finally:
        forget_choices()


@pytest.mark.parametrize("wrong", [{"capture_content": "ALL"}, {"redact": "secret"}])
def test_a_choice_that_there_is_not_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=repr(next(iter(wrong.values())))):
        configure_tracing(**wrong)


def test_an_object_that_refuses_to_be_text_is_told_by_its_class(monkeypatch):
    class Shy:
        def __str__(self):
            raise RuntimeError

    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    assert content().clean([Shy()]) == ["<Shy>"]


def test_a_result_that_has_no_place_on_a_span_is_cut_and_breaks_nothing(spans, monkeypatch):
    def broken(*_):
        raise RuntimeError("canary")

    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    for place in ("calls", "chats", "runs"):
        monkeypatch.setattr(f"lumo_graph.tracing.{place}.fitted", broken)
    assert chatty().invoke({"task": "canary-task"})["answer"] == "canary-answer"
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "answered"


def test_values_that_json_has_not_are_told_as_text(monkeypatch):
    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    deep: list = []
    for _ in range(100):
        deep = [deep]
    huge = 10**5000
    told = content().clean({"a": float("nan"), 1: {2.5}, "bytes": b"x", "lone": "\ud800", "deep": deep, "huge": huge})
    assert json.loads(json.dumps(told))["a"] == "nan"
    assert told["1"] == "{2.5}"
    assert "\ud800" not in told["lone"]

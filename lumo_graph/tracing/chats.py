"""The span of one attempt of a model call."""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry import _logs as logs
from opentelemetry.trace import SpanKind
from typing_extensions import override

from lumo_graph.tracing import names
from lumo_graph.tracing.cutting import fitted
from lumo_graph.tracing.messages import conversation_of, instructions_of, output_of, redacted
from lumo_graph.tracing.metrics import instruments
from lumo_graph.tracing.runs import current_run
from lumo_graph.tracing.spans import Work, harmless
from lumo_graph.types import Usage

_WORD = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class Chat(Work):
    """One attempt of a model call, traced if the run is that it belongs to.

    Args:
        model: that is called.
        name: of the model, as its provider knows it.
        messages: that it is sent.
        attempt: from 1.
    """

    def __init__(self, model: BaseChatModel, name: str, messages: Sequence[BaseMessage], attempt: int) -> None:
        run = current_run()
        if run is None:
            super().__init__("", {}, on=False)
            return
        self._content = run.content
        self._messages = messages
        self._chunks = 0
        self._told: dict[str, str] = {}
        self._usage = Usage()
        self._dimensions = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: provider_of(model),
            names.REQUEST_MODEL: name,
        }
        about = {
            **self._dimensions,
            **run.common,
            names.REQUEST_TEMPERATURE: _number(getattr(model, "temperature", None)),
            names.REQUEST_MAX_TOKENS: _number(getattr(model, "max_tokens", None)),
            names.RETRY_ATTEMPT: attempt,
            names.SPAN_KIND: "LLM",
        }
        super().__init__(f"{names.CHAT} {name}", about, kind=SpanKind.CLIENT)

    def chunk(self) -> None:
        """A piece of the reply has come."""
        if self.on:
            self._chunks += 1
            if self._chunks == 1:
                self.set({names.RESPONSE_FIRST_CHUNK: self.seconds})

    def replied(self, reply: AIMessage, usage: Usage) -> None:
        """The reply is whole."""
        if not self.on:
            return
        self._usage = usage
        about = reply.response_metadata
        finish = _word(about.get("finish_reason") or about.get("stop_reason") or _finish(reply))
        model = about.get("model_name") or about.get("model")
        if isinstance(model, str):
            self._dimensions[names.RESPONSE_MODEL] = model
        self.set(
            {
                names.RESPONSE_MODEL: model if isinstance(model, str) else None,
                names.RESPONSE_ID: reply.id,
                names.RESPONSE_FINISH_REASONS: (finish,),
                names.INPUT_TOKENS: usage.input_tokens,
                names.OUTPUT_TOKENS: usage.output_tokens,
            }
        )
        self._tell(names.OUTPUT_MESSAGES, output_of(reply, finish))

    @override
    def measure(self, seconds: float) -> None:
        if self.recording and self._content:
            self._tell(names.SYSTEM_INSTRUCTIONS, instructions_of(self._messages))
            self._tell(names.INPUT_MESSAGES, conversation_of(self._messages))
            self._show()
        dimensions = self._dimensions
        if self.error_type is not None:
            dimensions = {**dimensions, names.ERROR_TYPE: self.error_type}
        measured = instruments()
        measured.model_seconds.record(seconds, dimensions)
        for kind, count in (("input", self._usage.input_tokens), ("output", self._usage.output_tokens)):
            if count:
                measured.tokens.record(count, {**dimensions, names.TOKEN_TYPE: kind})
        if self._usage.cost:
            measured.cost.add(self._usage.cost, dimensions)

    def _tell(self, name: str, messages: list[dict[str, Any]]) -> None:
        if self.recording and self._content and messages:
            with harmless():
                self._told[name] = fitted(redacted(messages, self._content.clean), self._content.max_chars)

    def _show(self) -> None:
        if self._content.on_spans:
            shown = {names.INPUT_VALUE: self._told.get(names.INPUT_MESSAGES), names.INPUT_MIME: "application/json"}
            shown |= {names.OUTPUT_VALUE: self._told.get(names.OUTPUT_MESSAGES), names.OUTPUT_MIME: "application/json"}
            self.set({**self._told, **shown})
        if self._content.in_events:
            record = logs.LogRecord(event_name=names.INFERENCE_DETAILS, attributes={**self._dimensions, **self._told})
            logs.get_logger(names.SCOPE).emit(record)


def provider_of(model: BaseChatModel) -> str:
    """The provider of a model, by OpenTelemetry's name where it has one: `openai`, `anthropic`."""
    kind = model._llm_type  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what LangChain calls a model's kind
    return kind.lower().removesuffix("-chat").removeprefix("chat-")


def _finish(reply: AIMessage) -> str:
    return "tool_call" if reply.tool_calls else "stop"


def _word(reason: object) -> str:
    """The reason, if it is a word: a sentence of the provider's may hold anything."""
    return reason if isinstance(reason, str) and _WORD.fullmatch(reason) else names.OTHER


def _number(value: object) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

"""Lumo's client without a server: the same methods and the same results, in this process.

`from lumo_graph.client import ...` has every name that `from lumo_sdk import ...` has: a program that was written for
Lumo's SDK changes that one line.
"""

# ruff: noqa: PLR0917 - the positional arguments of Lumo's SDK

import os
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.language_models import BaseChatModel

from lumo_graph.checkpoints import Checkpointer
from lumo_graph.errors import LumoGraphError
from lumo_graph.limits import Limits
from lumo_graph.runs import aresume, arun, astream, resume, run, stream
from lumo_graph.tasks import TaskEvent, Tasks, Teller, Tool
from lumo_graph.wire.conversation import MCPServer, Message, MessageRole, ToolCall
from lumo_graph.wire.exceptions import (
    LumoAPIError,
    LumoAuthenticationError,
    LumoError,
    LumoRateLimitError,
    LumoServerError,
    raising_as_lumo,
)
from lumo_graph.wire.requests import RunRequest as RunTaskRequest
from lumo_graph.wire.responses import RunResponse as RunTaskResponse
from lumo_graph.wire.responses import Step, response_of
from lumo_graph.wire.told import StreamDoneEvent, StreamErrorEvent, StreamStepEvent, StreamTokenEvent

__all__ = [
    "LumoAPIError",
    "LumoAuthenticationError",
    "LumoClient",
    "LumoError",
    "LumoRateLimitError",
    "LumoServerError",
    "MCPServer",
    "Message",
    "MessageRole",
    "RunTaskRequest",
    "RunTaskResponse",
    "Step",
    "StreamDoneEvent",
    "StreamErrorEvent",
    "StreamStepEvent",
    "StreamTokenEvent",
    "ToolCall",
]


class LumoClient:
    """Runs tasks in this process. No server is needed, no key of Lumo's, and nothing is sent to anyone but the model.

    Args:
        api_key: taken because Lumo's own client takes it; nobody asks for it.
        base_url: of a Lumo server, taken for the same reason; there is none.
        tools: functions and LangChain tools that tasks may name. A task may also be given the tools themselves.
        checkpointer: where threads are stored, as for `run`; None: nowhere.
        limits: what every run may use at most; a task can only ask for less.
        environ: where the keys of providers are (`OPENAI_API_KEY`, `GOOGLE_API_KEY`, `GROQ_API_KEY`,
            `ANTHROPIC_API_KEY`); the environment unless given. A key goes to its provider's own address only.
        **options: see `lumo_graph.options.AgentOptions`.

    Example:
        client = LumoClient()
        client.run_task(
            task="How many primes are there below 10000?",
            model="gpt-4.1-nano",
            base_url="https://api.openai.com/v1/chat/completions",
            agent_type="code-agent",
        ).final_answer
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        tools: Sequence[Tool] = (),
        checkpointer: str | Checkpointer | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.api_key = api_key
        self.base_url = base_url
        with raising_as_lumo():
            self._tasks = Tasks(
                tools=tools,
                checkpointer=checkpointer,
                limits=limits,
                environ=os.environ if environ is None else environ,
                options=options,
            )

    def run_task(
        self,
        task: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        tools: Sequence[str | Tool] | None = None,
        max_steps: int | None = None,
        agent_type: str | None = None,
        history: Sequence[Any] | None = None,
        mcp_servers: Sequence[Any] | None = None,
        **more: Any,
    ) -> RunTaskResponse:
        """Run a task to its end.

        Args:
            task: what to do.
            model: its name as the server at `base_url` knows it, or a LangChain chat model.
            base_url: of a server that speaks the OpenAI protocol, with or without `/chat/completions`.
            tools: names of tools, or tools.
            max_steps: model replies; 10 unless given.
            agent_type: `"code-agent"` or `"function-calling"` (the default).
            history: the conversation before the task: `Message`s or dicts.
            mcp_servers: servers of tools, each an `MCPServer` or a dict.
            **more: `thread_id`, `max_tokens`, `max_seconds`, `max_results`, `system_prompt`, `planning_interval`.

        Raises:
            LumoAPIError: something cannot be used as given (`status_code` 400), or another run has the thread (409).
            LumoServerError: the model or the sandbox failed.
        """
        given = _given(tools, max_steps, agent_type, history, mcp_servers, more)
        with raising_as_lumo(more.get("thread_id")):
            options = self._tasks.run_options(task, model, base_url, given)
            return response_of(run(task, self._tasks.model(model, base_url), **options))

    async def arun_task(
        self,
        task: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        tools: Sequence[str | Tool] | None = None,
        max_steps: int | None = None,
        agent_type: str | None = None,
        history: Sequence[Any] | None = None,
        mcp_servers: Sequence[Any] | None = None,
        **more: Any,
    ) -> RunTaskResponse:
        """`run_task` from an event loop."""
        given = _given(tools, max_steps, agent_type, history, mcp_servers, more)
        with raising_as_lumo(more.get("thread_id")):
            options = self._tasks.run_options(task, model, base_url, given)
            return response_of(await arun(task, self._tasks.model(model, base_url), **options))

    def stream_task(
        self,
        task: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        tools: Sequence[str | Tool] | None = None,
        max_steps: int | None = None,
        agent_type: str | None = None,
        history: Sequence[Any] | None = None,
        mcp_servers: Sequence[Any] | None = None,
        **more: Any,
    ) -> Generator[TaskEvent, None, None]:
        """Run a task and yield what happens while it happens; takes what `run_task` takes.

        As with Lumo's own client, a run that fails after it has begun ends with a `StreamDoneEvent` without an answer;
        a `StreamErrorEvent` before it says why. One that fails at once raises what `run_task` raises.
        """
        given = _given(tools, max_steps, agent_type, history, mcp_servers, more)
        teller = Teller(more.get("thread_id"))
        with raising_as_lumo(more.get("thread_id")):
            options = self._tasks.run_options(task, model, base_url, given)
            made = self._tasks.model(model, base_url)
        with closing(stream(task, made, **options)) as events:
            try:
                for event in events:
                    yield from teller.tell(event)
            except LumoGraphError as error:
                yield from teller.fail(error)

    async def astream_task(
        self,
        task: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        tools: Sequence[str | Tool] | None = None,
        max_steps: int | None = None,
        agent_type: str | None = None,
        history: Sequence[Any] | None = None,
        mcp_servers: Sequence[Any] | None = None,
        **more: Any,
    ) -> AsyncGenerator[TaskEvent, None]:
        """`stream_task` from an event loop."""
        given = _given(tools, max_steps, agent_type, history, mcp_servers, more)
        teller = Teller(more.get("thread_id"))
        with raising_as_lumo(more.get("thread_id")):
            options = self._tasks.run_options(task, model, base_url, given)
            made = self._tasks.model(model, base_url)
        async with aclosing(astream(task, made, **options)) as events:
            try:
                async for event in events:
                    for told in teller.tell(event):
                        yield told
            except LumoGraphError as error:
                for told in teller.fail(error):
                    yield told

    def resume(
        self,
        thread_id: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        *,
        tools: Sequence[str | Tool] | None = None,
        decision: Mapping[str, Any] | None = None,
        question: str | None = None,
    ) -> RunTaskResponse:
        """Go on with the run of a thread: one that waits for a decision, that died, or whose model has failed.

        Args:
            thread_id: of the run, as `thread_id` of its response says.
            model: as for `run_task`.
            base_url: as for `run_task`.
            tools: those that the run was started with.
            decision: about the calls that wait (`pending` of the response), such as `{"type": "approve"}`.
            question: the `id` of what the decision is about.

        Raises:
            LumoAPIError, LumoServerError: as `run_task`.
        """
        with raising_as_lumo(thread_id):
            options = self._tasks.agent_options(tools)
            return response_of(
                resume(
                    thread_id,
                    self._tasks.model(model, base_url),
                    checkpointer=self._tasks.checkpointer,
                    decision=decision,
                    question=question,
                    **options,
                )
            )

    async def aresume(
        self,
        thread_id: str,
        model: str | BaseChatModel,
        base_url: str | None = None,
        *,
        tools: Sequence[str | Tool] | None = None,
        decision: Mapping[str, Any] | None = None,
        question: str | None = None,
    ) -> RunTaskResponse:
        """`resume` from an event loop."""
        with raising_as_lumo(thread_id):
            options = self._tasks.agent_options(tools)
            return response_of(
                await aresume(
                    thread_id,
                    self._tasks.model(model, base_url),
                    checkpointer=self._tasks.checkpointer,
                    decision=decision,
                    question=question,
                    **options,
                )
            )


def _given(
    tools: Any, max_steps: Any, agent_type: Any, history: Any, mcp_servers: Any, more: Mapping[str, Any]
) -> dict[str, Any]:
    named = {"tools": tools, "max_steps": max_steps, "agent_type": agent_type, "history": history}
    return {**named, "mcp_servers": mcp_servers, **more}

"""End the run: put the answer into the conversation, or ask once more where a limit was reached first."""

import json
import uuid
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import Answer as AnswerAction
from lumo_graph.dialects import (
    RunCode,
    check_answer,
    last_call_prompt,
    literal_answer,
    read_reply,
    read_thought,
    shorten,
)
from lumo_graph.nodes.asking import Reply, aask, ask, request_messages, spend, usage_so_far
from lumo_graph.nodes.routes import is_spent
from lumo_graph.nodes.setup import Setup, ends_with_run, session_key
from lumo_graph.state import AgentState, RunFields, Update
from lumo_graph.storable import storable


class Answer:
    """Closes the conversation of the run with the model's answer.

    A run that was stopped by a limit makes one extra call: answer with what you have. Not if its tokens or its cost
    are used up: then there is no answer.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """End the run."""
        if ends_with_run(state, config):
            self._setup.sessions.close(session_key(state, config))
        if not _needs_call(state):
            return _closing(state)
        return self._update(state, ask(self._setup, self._messages(state), config))

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """End the run, from an event loop."""
        if ends_with_run(state, config):
            await self._setup.sessions.aclose(session_key(state, config))
        if not _needs_call(state):
            return _closing(state)
        await self._setup.write_prompt(state["run"])
        return self._update(state, await aask(self._setup, self._messages(state), config))

    def _messages(self, state: AgentState) -> list[BaseMessage]:
        return request_messages(self._setup, state, last_call_prompt(state.get("outcome") or ""))

    def _update(self, state: AgentState, reply: Reply) -> Update:
        answer = stated_answer(reply.message, self._setup, state["run"])
        words = in_words(answer, state)
        message = AIMessage(words, id=reply.message.id, usage_metadata=reply.message.usage_metadata)
        return {**spend(state, reply), **_closed(state, message), "answer": storable(self._checked(answer))}

    def _checked(self, answer: Any) -> Any:
        if self._setup.response_format is None:
            return answer
        checked, problem = check_answer(answer, self._setup.response_format)
        return None if problem else checked


def stated_answer(reply: AIMessage, setup: Setup, run: RunFields) -> Any:
    """What a reply answers that was asked for an answer and not for an action; None if it says nothing.

    Code is not run any more, but a model that can only speak code may still say `final_answer(42)`.
    """
    dialect = setup.dialect_of(run)
    match read_reply(dialect, reply, setup.toolbox.specs):
        case AnswerAction(value=value):
            return value
        case RunCode(code=code):
            answer, found = literal_answer(code)
            return answer if found else read_thought(dialect, reply) or str(reply.text).strip()
        case _:
            return read_thought(dialect, reply) or None


def in_words(answer: Any, state: AgentState) -> str:
    """The answer as the model's closing message.

    Never empty, because many providers refuse an empty one, and no longer than an observation: `answer` holds it
    whole, and the model would read it again in every later run of the thread.
    """
    text = answer if isinstance(answer, str) else json.dumps(storable(answer), ensure_ascii=False)
    return shorten(text, state["run"]["limits"]["max_observation_chars"]) if text.strip() else "(empty answer)"


def _needs_call(state: AgentState) -> bool:
    return state.get("outcome") != "answered" and not is_spent(state["run"], usage_so_far(state))


def _closing(state: AgentState) -> Update:
    """Append the answer as the model's closing words, unless it has already said them."""
    last = state["messages"][-1]
    if isinstance(last, AIMessage) and not last.tool_calls:
        return {"run": {**state["run"], "closing": last.id}}
    words = (
        in_words(state.get("answer"), state) if state.get("outcome") == "answered" else "(stopped without an answer)"
    )
    return _closed(state, AIMessage(words, id=uuid.uuid4().hex))


def _closed(state: AgentState, message: AIMessage) -> Update:
    return {"run": {**state["run"], "closing": message.id}, "messages": [message]}

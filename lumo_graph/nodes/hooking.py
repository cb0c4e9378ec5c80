"""Run a hook of the user's, and let it change only what it may."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, convert_to_messages
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime

from lumo_graph.dialects import Answer, RunCode, Unparsable, action_from_dict, action_to_dict
from lumo_graph.errors import ConfigurationError
from lumo_graph.hooks import Hook
from lumo_graph.nodes.threads import await_thread
from lumo_graph.state import AgentState, Update, add_messages
from lumo_graph.types import Execution

_MAY_WRITE: Mapping[str, Sequence[str]] = {
    "before_model": ("messages",),
    "after_model": ("messages", "action"),
    "before_action": ("messages", "action"),
    "after_action": ("messages", "execution"),
}


class Hooking:
    """The node of one hook."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Run it."""
        del config
        if self._hook.run is None:
            raise ConfigurationError(f"{self._hook.name} is async only: use ainvoke, astream or arun.")
        return self._checked(self._hook.run(state, get_runtime()), state)

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Run it from an event loop; in a thread if it has no async form."""
        del config
        runtime, hook = get_runtime(), self._hook
        if hook.arun is not None:
            return self._checked(await hook.arun(state, runtime), state)
        run = hook.run
        assert run is not None  # noqa: S101 - a hook has one form at least
        return self._checked(await await_thread(lambda: run(state, runtime), stop=lambda: None), state)

    def _checked(self, update: object, state: AgentState) -> Update:
        if update is None:
            return {}
        if not isinstance(update, Mapping):
            raise ConfigurationError(f"{self._hook.name} returned {update!r}. It may return None or a dict of changes.")
        changes = dict(cast("Mapping[str, Any]", update))
        allowed = _MAY_WRITE[self._hook.point]
        if changes.pop("jump_to", None) is not None:
            raise ConfigurationError(
                f"{self._hook.name} jumps, which is not possible here. An `action` that is an Answer ends the run; "
                "Limits bound it."
            )
        for channel in changes:
            if channel not in allowed and channel not in self._hook.channels:
                known = ", ".join([*allowed, *sorted(self._hook.channels)])
                raise ConfigurationError(
                    f"{self._hook.name} writes {channel!r}. It may write {known}; more in its state_schema."
                )
        messages: Sequence[BaseMessage] = state["messages"]
        if "messages" in changes:
            changes["messages"] = self._messages(changes["messages"], messages)
            messages = add_messages(messages, [changes["messages"]])
        if "action" in changes:
            changes["action"] = self._action(changes["action"], state, messages)
        if "execution" in changes:
            changes["execution"] = self._execution(changes["execution"])
        return cast("Update", changes)

    def _messages(self, given: Any, before: Sequence[BaseMessage]) -> list[BaseMessage]:
        given_list: list[Any] = cast("list[Any]", given) if isinstance(given, list) else [given]
        written = convert_to_messages(given_list)
        known = {message.id for message in before}
        for message in written:
            if self._hook.point == "before_model" or message.id in known:
                continue
            if isinstance(message, RemoveMessage):
                raise ConfigurationError(
                    f"{self._hook.name} takes out the message {message.id!r}, which is not there. Take them out by "
                    "their ids; all at once only before_model, with others in their place."
                )
            raise ConfigurationError(
                f"{self._hook.name} adds a message ({message.text[:80]!r}). Between a reply and what is observed of it "
                "messages can only be replaced, by their id. Add them before_model; to ask a person, use interrupt_on."
            )
        after = add_messages(before, [written])
        if not after:
            raise ConfigurationError(f"{self._hook.name} takes out every message. The model needs one at least.")
        if self._hook.point == "after_action" and _asked(after) != _asked(before):
            raise ConfigurationError(
                f"{self._hook.name} takes tool calls out of the model's reply that have been made. Their results would "
                "answer nothing. Change the reply in after_model or before_action."
            )
        return written

    def _action(self, given: Any, state: AgentState, messages: Sequence[BaseMessage]) -> dict[str, Any]:
        action = action_from_dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else given
        if not isinstance(action, (RunCode, Answer, Unparsable)):
            raise ConfigurationError(
                f"{self._hook.name} writes {action!r}. It must be a RunCode, Answer or Unparsable."
            )
        before = action_from_dict(state.get("action") or {})
        if isinstance(action, RunCode):
            if not isinstance(before, RunCode):
                raise ConfigurationError(f"{self._hook.name} makes code of {before!r}. Only code can become code.")
            return action_to_dict(RunCode(action.code, before.call_ids))
        last = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
        if last is not None and last.tool_calls:
            raise ConfigurationError(
                f"{self._hook.name} puts {action!r} in the place of tool calls, which would stay without a result. "
                "Replace the model's message too, by one with its id and without tool_calls."
            )
        return action_to_dict(action)

    def _execution(self, given: Any) -> dict[str, Any]:
        execution = Execution.from_dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else given
        if not isinstance(execution, Execution):
            raise ConfigurationError(f"{self._hook.name} writes {execution!r} as execution. It must be an Execution.")
        return execution.to_dict()


def _asked(messages: Sequence[BaseMessage]) -> list[str | None]:
    """The ids of all tool calls that replies make."""
    return [call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]

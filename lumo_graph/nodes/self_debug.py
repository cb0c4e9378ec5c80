"""Write the debug brief after a failed code action, so that the model repairs it instead of starting over."""

from langchain_core.messages import ToolMessage

from lumo_graph.dialects import debug_brief
from lumo_graph.nodes.marking import tell
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update
from lumo_graph.types import Execution


class SelfDebug:
    """Adds the debug brief to the observation of the failed action."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState) -> Update:
        """The observation with the brief below it.

        The message is replaced, not followed by a second one: many models refuse two human messages in a row.
        """
        done = state.get("execution")
        if not done:
            return {}  # the reply held no code to debug; the observation says all there is
        execution = Execution.from_dict(done)
        if execution.error is None:
            return {"execution": None}  # the code ran and its answer was rejected; the observation says why
        left = state["run"]["limits"]["max_debug_attempts"] - state["counters"]["failures"] + 1
        brief = debug_brief(execution, tools=self._setup.toolbox.specs, attempts_left=left)
        observation = state["messages"][-1]
        text = f"{observation.text}\n\n{brief}"
        if isinstance(observation, ToolMessage):
            return {"messages": [observation.model_copy(update={"content": text})], "execution": None}
        return {"messages": [tell(text, message_id=observation.id)], "execution": None}

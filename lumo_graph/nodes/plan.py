"""Make a plan before the first step, and again every `planning_interval` steps."""

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import plan_prompt, replan_prompt
from lumo_graph.nodes.asking import Reply, aask, ask, request_messages, spend
from lumo_graph.nodes.marking import tell
from lumo_graph.nodes.routes import plan_is_due
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update

_GO_ON = "Carry out this plan now, one step at a time."


class Plan:
    """One model call that surveys the facts and writes a plan; nothing if no plan is due."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Plan."""
        if not plan_is_due(state):
            return {}
        return self._update(state, ask(self._setup, self._messages(state), config))

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Plan, from an event loop."""
        if not plan_is_due(state):
            return {}
        await self._setup.write_prompt(state["run"])
        return self._update(state, await aask(self._setup, self._messages(state), config))

    def _messages(self, state: AgentState) -> list[BaseMessage]:
        run, counters = state["run"], state["counters"]
        prompt = plan_prompt if counters["planned_at"] < 0 else replan_prompt
        left = run["limits"]["max_steps"] - counters["steps"]
        request = prompt(run["task"], tools=self._setup.toolbox.specs, steps_left=left)
        return request_messages(self._setup, state, request)

    def _update(self, state: AgentState, reply: Reply) -> Update:
        spent = spend(state, reply)
        spent["counters"]["planned_at"] = state["counters"]["steps"]
        text = str(reply.message.text)
        # The request itself is not stored: each plan replaces the need for the one before. A human message follows
        # the plan because some models refuse a conversation that ends with their own words.
        return {**spent, "messages": [AIMessage(text or "(no plan)", id=reply.message.id), tell(_GO_ON)]}

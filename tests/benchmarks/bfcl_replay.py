"""Gold calls through the graph: a scripted model says them, our tools and our jail make them."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import Executor, Limits, create_lumo_agent
from lumo_graph.graph import LumoAgent
from lumo_graph.testing import ScriptedModel
from tests.benchmarks.bfcl_data import (
    Harness,
    Method,
    Task,
    bind_methods,
    differences,
    open_apis,
    parse_call,
    read_result,
    same_data,
)

DONE = "Done."
ASK = "Before I can do that, please tell me what is missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One task done twice: its gold calls made by the original harness, and made through the graph."""

    task: Task
    agent_type: str
    changes: bool
    """The gold calls change the state of the APIs."""
    state: tuple[str, ...]
    """Where the final states differ; empty if they are equal."""
    results: tuple[str, ...]
    """Where what came back from the calls differs; empty if it is equal."""
    actions: int
    """Model replies that called tools or ran code."""
    replies: int
    """Model replies, those without an action included."""
    seconds: float
    """Wall-clock time of the runs, one a turn."""
    create_seconds: float
    """Wall-clock time to make the agent: the tools, the prompt's parts, the graph."""
    direct_seconds: float
    """Wall-clock time of the same calls made by the harness."""

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Everything that differs."""
        return (*self.state, *self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What the runs of one task came to."""

    results: list[Any] = field(default_factory=list[Any])
    """What came back from the calls, in order."""
    problems: list[str] = field(default_factory=list[str])
    """What did not go as scripted."""
    actions: int = 0
    replies: int = 0


def replay(task: Task, agent_type: str, executor: Executor) -> Replay:
    """Do a task directly and through the graph, each on API instances of its own."""
    untouched, ours = open_apis(task), open_apis(task)
    started = time.perf_counter()
    wanted, gold = _run_directly(task)
    called = time.perf_counter()
    agent, model = _create_agent(task, agent_type, bind_methods(ours), executor)
    created = time.perf_counter()
    try:
        conversation = _converse(task, agent_type, agent)
        model.assert_consumed()
    except Exception as error:  # whatever stopped it is the finding
        conversation = Conversation(problems=[f"{type(error).__name__}: {error}"])
    done = time.perf_counter()
    return Replay(
        task=task,
        agent_type=agent_type,
        changes=bool(differences(untouched, gold)),
        state=tuple(differences(ours, gold)),
        results=(*conversation.problems, *_compare_results(task, conversation.results, wanted)),
        actions=conversation.actions,
        replies=conversation.replies,
        seconds=done - created,
        create_seconds=created - called,
        direct_seconds=called - started,
    )


def script_function_calls(task: Task, methods: Mapping[str, Method]) -> Iterator[AIMessage]:
    """The replies of a function-calling model: one gold call each, and a closing text a turn."""
    for turn, sources in enumerate(task.gold):
        for step, source in enumerate(sources):
            name, args = parse_call(source, methods)
            call_id = f"call_{turn}_{step}"
            yield AIMessage("", tool_calls=[{"type": "tool_call", "id": call_id, "name": name, "args": args}])
        yield AIMessage(DONE if sources else ASK)


def script_code_actions(task: Task) -> Iterator[AIMessage]:
    """The replies of a code agent: one action a turn.

    Each adds what it got to a list that lives on in the session, and answers with the whole list: an answer is right
    only if the variables of the turns before are there, and if results cross into the code and out of it unharmed.
    """
    first = True
    for sources in task.gold:
        if not sources:
            yield AIMessage(ASK)
            continue
        start = "results = []\n" if first else ""
        calls = "\n".join(f"results.append({source})" for source in sources)
        yield AIMessage(f"```python\n{start}{calls}\nfinal_answer(results)\n```")
        first = False


def _run_directly(task: Task) -> tuple[list[Any], dict[str, object]]:
    harness = Harness()
    texts: list[str] = []
    apis: dict[str, object] = {}
    for sources in task.gold:
        found, apis = harness.run(task, sources)
        texts += found
    return [read_result(text) for text in texts], apis


def _create_agent(
    task: Task, agent_type: str, methods: Mapping[str, Method], executor: Executor
) -> tuple[LumoAgent, ScriptedModel]:
    replies = script_code_actions(task) if agent_type == "code-agent" else script_function_calls(task, methods)
    model = ScriptedModel(replies=[*replies])
    agent = create_lumo_agent(
        model,
        tools=list(methods.values()),
        agent_type=agent_type,
        executor=executor,
        limits=Limits(max_steps=1 + max(len(sources) for sources in task.gold)),
        checkpointer=InMemorySaver(),
    )
    return agent, model


def _converse(task: Task, agent_type: str, agent: LumoAgent) -> Conversation:
    """One run a turn, all on one thread."""
    runs = [
        # LangGraph leaves the type argument of its Command open.
        agent.invoke({"task": prompt}, {"configurable": {"thread_id": task.id}})  # pyright: ignore[reportUnknownMemberType]
        for prompt in task.prompts
    ]
    steps = [step for run in runs for step in run["steps"]]
    in_code = agent_type == "code-agent"
    return Conversation(
        results=_results_in_code(task, runs) if in_code else _results_of_calls(runs[-1]["messages"]),
        problems=[
            f"turn {turn}: the run ended with {run['outcome']!r}"
            for turn, run in enumerate(runs, start=1)
            if run["outcome"] != "answered"
        ],
        actions=sum(1 for step in steps if step["calls"] or step["code"]),
        replies=sum(run["usage"]["model_calls"] for run in runs),
    )


def _results_in_code(task: Task, runs: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The last answer that code gave: the results of all turns."""
    answers = [run["answer"] for run, sources in zip(runs, task.gold, strict=True) if sources]
    return list(answers[-1]) if answers else []


def _results_of_calls(messages: Sequence[BaseMessage]) -> list[Any]:
    """Data is JSON in a tool message; an error is not, and stays text."""
    return [
        json.loads(message.text) if message.status == "success" else message.text
        for message in messages
        if isinstance(message, ToolMessage)
    ]


def _compare_results(task: Task, found: Sequence[Any], wanted: Sequence[Any]) -> list[str]:
    sources = [source for turn in task.gold for source in turn]
    if len(found) != len(wanted):
        return [f"{len(found)} results for {len(wanted)} calls"]
    return [
        f"{source} gave {ours!r}, not {gold!r}"
        for source, ours, gold in zip(sources, found, wanted, strict=True)
        if not same_data(ours, gold)
    ]

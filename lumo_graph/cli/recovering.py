"""`lumo recover`. Nothing heavy is imported before the command needs it."""

import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lumo_graph.cli.complaints import complaining, is_nothing
from lumo_graph.cli.exits import ANSWERED, DRAINED, INTERRUPTED
from lumo_graph.cli.given import Given
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.options import (
    ApiKeyOption,
    BaseUrlOption,
    CheckpointerOption,
    FileOption,
    InterruptOnOption,
    JsonOption,
    McpOption,
    ModelIdOption,
    ModelOption,
    PlanningOption,
    SystemPromptOption,
    ToolsOption,
)
from lumo_graph.cli.printable import one_line, printable
from lumo_graph.cli.starting import follow_run, place_of
from lumo_graph.cli.storage import chosen_checkpointer
from lumo_graph.cli.transcript import plural
from lumo_graph.events import Event

if TYPE_CHECKING:
    from lumo_graph.checkpoints import ThreadSummary
    from lumo_graph.cli.calling import CalledAgent

_TASK_WIDTH = 60


def recover(
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with them, one after the other.")] = False,
    model: ModelOption = None,
    model_id: ModelIdOption = None,
    base_url: BaseUrlOption = None,
    api_key: ApiKeyOption = None,
    tools: ToolsOption = None,
    mcp: McpOption = None,
    file: FileOption = None,
    checkpointer: CheckpointerOption = None,
    system_prompt: SystemPromptOption = None,
    planning_interval: PlanningOption = None,
    interrupt_on: InterruptOnOption = None,
    json_lines: JsonOption = False,
) -> None:
    """List the threads that a dead process has left in the middle of a run.

    Those that wait for a person are none of them, nor are those that a living process drives. With --resume give the
    model and the tools that the runs had. The exit code is then that of the first run that came to no answer.
    """
    given = Given(
        model=model, model_id=model_id, base_url=base_url, api_key=api_key, tools=tools, mcp=mcp, file=file,
        system_prompt=system_prompt, planning_interval=planning_interval, interrupt_on=interrupt_on,
    )  # fmt: skip
    if resume:
        given.check_model()
    if is_nothing(checkpointer):
        return
    with complaining():
        from lumo_graph.checkpoints import list_unfinished  # noqa: PLC0415 - langgraph

        url = chosen_checkpointer(checkpointer)
        found = list_unfinished(url)
    if not resume:
        _print(found, json_lines=json_lines)
        return
    codes = [ANSWERED]
    for thread in found:
        place = place_of(thread.thread_id, checkpointer, given)
        if not json_lines:
            print(f"== {_line(thread)}", flush=True)  # noqa: T201 - that is what a command does
        code = follow_run(_go_on, place, given, json_lines=json_lines)
        codes.append(code)
        if json_lines:
            ended = {"type": "recovered", "thread_id": thread.thread_id, "exit_code": code}
            sys.stdout.write(f"{json_line(ended)}\n")
            sys.stdout.flush()
        if code == DRAINED or (code == INTERRUPTED and _is_left(url, thread)):
            break  # by a signal, which is meant for all of them
    raise typer.Exit(next((code for code in codes if code != ANSWERED), ANSWERED))


def _go_on(agent: "CalledAgent") -> AsyncGenerator[Event, None]:
    return agent.go_on(None)


def _is_left(url: str, thread: "ThreadSummary") -> bool:
    from lumo_graph.checkpoints import list_unfinished  # noqa: PLC0415 - langgraph

    return thread.thread_id in {one.thread_id for one in list_unfinished(url)}


def _print(found: "Sequence[ThreadSummary]", *, json_lines: bool) -> None:
    if json_lines:
        sys.stdout.writelines(f"{json_line(asdict(thread))}\n" for thread in found)
    elif found:
        sys.stdout.writelines(f"{_line(thread)}\n" for thread in found)
    else:
        sys.stdout.write("nothing to recover\n")


def _line(thread: "ThreadSummary") -> str:
    made = plural(thread.steps, "step")
    return f"{printable(thread.thread_id)}\t{made}\t{thread.updated_at}\t{one_line(thread.task, _TASK_WIDTH)}"

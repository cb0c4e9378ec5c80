"""`lumo batch`. Nothing heavy is imported before the command needs it."""

import signal
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from lumo_graph.cli.complaints import complain, complaining
from lumo_graph.cli.exits import ANSWERED, DRAINED, FAILED, INTERRUPTED, LIMIT
from lumo_graph.cli.given import Given
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.options import (
    AgentTypeOption,
    ApiKeyOption,
    BaseUrlOption,
    CheckpointerOption,
    FileOption,
    InterruptOnOption,
    McpOption,
    ModelIdOption,
    ModelOption,
    PlanningOption,
    SystemPromptOption,
    ToolsOption,
)
from lumo_graph.cli.printable import one_line, printable
from lumo_graph.cli.results import left_of, written
from lumo_graph.cli.storage import chosen_checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.types import AGENT_TYPES

if TYPE_CHECKING:
    from lumo_graph.batch import BatchResult, BatchTask
    from lumo_graph.cli.counting import Counting

_MOST_NAMED = 20


class _StoppedError(Exception):
    """A signal has asked for the end."""


def batch(
    tasks: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help='One JSON object a line: {"id": ..., "task": ..., and if it likes agent_type, limits, history, files, '
            "system_prompt, response_format, planning_interval}; or a JSON string, the task alone. - reads stdin.",
        ),
    ],
    *,
    model: ModelOption = None,
    model_id: ModelIdOption = None,
    base_url: BaseUrlOption = None,
    api_key: ApiKeyOption = None,
    tools: ToolsOption = None,
    mcp: McpOption = None,
    agent_type: AgentTypeOption = AGENT_TYPES[0],
    file: FileOption = None,
    checkpointer: CheckpointerOption = None,
    system_prompt: SystemPromptOption = None,
    planning_interval: PlanningOption = None,
    interrupt_on: InterruptOnOption = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the batch; its threads are NAME:ID. The file's unless given."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where results go, as JSON lines; else stdout."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the batch: only what is not finished is run.")
    ] = False,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Tasks at once, all workers together.")] = 8,
    processes: Annotated[
        int | None, typer.Option(metavar="N", help="Worker processes; as many as there are processors unless given.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on a Ray cluster: auto, HOST:PORT or ray://HOST:10001."),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(metavar="N", help="Model replies of each run (10).")] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", help="Tokens of each run.")] = None,
    max_seconds: Annotated[float | None, typer.Option(metavar="X", help="Seconds of work of each run.")] = None,
    action_seconds: Annotated[float | None, typer.Option(metavar="X", help="Seconds for one action (30).")] = None,
    memory_mb: Annotated[int | None, typer.Option(metavar="N", help="MiB of memory for the code (2048).")] = None,
) -> None:
    """Run many tasks, over processes or the machines of a Ray cluster.

    Each is a run with a thread of its own. What a lost process or machine was doing is gone on with elsewhere, and no
    tool call is made again. The exit code is 1 if a task has failed, else 130 if one waits for a person, else 3 if one
    has reached a limit.
    """
    given = Given(
        model=model, model_id=model_id, base_url=base_url, api_key=api_key, tools=tools, mcp=mcp, file=file,
        system_prompt=system_prompt, planning_interval=planning_interval, interrupt_on=interrupt_on,
    )  # fmt: skip
    given.check_model()
    limits = {
        "max_steps": max_steps, "max_tokens": max_tokens, "max_seconds": max_seconds,
        "action_seconds": action_seconds, "memory_mb": memory_mb,
    }  # fmt: skip
    limited = {limit: value for limit, value in limits.items() if value is not None}
    with complaining():
        read, named = _read(tasks), name or _name_of(tasks)
        results = Path(output) if output is not None else None
        left = left_of(read, results, named, resume=resume)
        if not left:
            complain(f"all {len(read)} tasks of the batch are finished.")
            raise typer.Exit(ANSWERED)
        made = _made(
            left, given, named, chosen_checkpointer(checkpointer), agent_type=agent_type, limits=limited,
            concurrency=concurrency, processes=processes, ray=ray, resume=resume,
        )  # fmt: skip
        with written(results, again=resume) as out:
            raise typer.Exit(_follow(made, len(left), out))


def _made(
    tasks: "list[BatchTask]", given: Given, name: str, checkpointer: str, *, ray: str | None, **how: Any
) -> "tuple[Counting, Generator[BatchResult, None, None]]":
    """What counts, and the results to come. All that the user names is loaded and checked, and nothing has run."""
    from lumo_graph import batch as batches  # noqa: PLC0415 - langgraph
    from lumo_graph.cli.calling import whole_options  # noqa: PLC0415 - langgraph
    from lumo_graph.cli.counting import Counting  # noqa: PLC0415 - rich
    from lumo_graph.cli.loading import load_model  # noqa: PLC0415 - langchain

    counting = Counting(len(tasks), sys.stderr)
    options = cast("batches.BatchOptions", whole_options(given.options(), list(given.tools or ())))
    results = batches.map(
        tasks, load_model(given.model_name), checkpointer=checkpointer, name=name, ray=ray,
        on_progress=counting.tell, **how, **options,
    )  # fmt: skip
    return counting, results


def _follow(made: "tuple[Counting, Generator[BatchResult, None, None]]", total: int, out: TextIO) -> int:
    counting, results = made
    ended: list[BatchResult] = []
    code: int | None = None
    with counting, _stopping():
        try:
            for result in results:
                ended.append(result)
                out.write(f"{json_line(result.to_dict())}\n")
                out.flush()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except _StoppedError:
            code = DRAINED
        finally:
            results.close()
    return _summed_up(ended, total, code)


def _summed_up(ended: "list[BatchResult]", total: int, code: int | None) -> int:
    """Say what became of the batch; the exit code."""
    statuses = [result.status for result in ended]
    counts = ", ".join(f"{statuses.count(status)} {word}" for status, word in _WORDS.items() if status in statuses)
    complain(f"{len(ended)} of {total} tasks: {counts or 'nothing has ended'}.")
    failed = [result for result in ended if result.status == "failed"]
    for result in failed[:_MOST_NAMED]:
        complain(f"  {result.id}: {result.error_type}: {one_line(result.error or '', 200)}")
    if len(failed) > _MOST_NAMED:
        complain(f"  and {len(failed) - _MOST_NAMED} more")
    for result in [one for one in ended if one.status == "waiting"][:_MOST_NAMED]:
        complain(f"  {result.id} waits for a person: lumo resume {printable(result.thread_id)} --approve")
    if code is not None or failed or "stopped" in statuses:
        complain("the same command with --resume goes on with what is not finished.")
    if code is not None:
        return code
    codes = (("failed", FAILED), ("stopped", DRAINED), ("waiting", INTERRUPTED), ("limit", LIMIT))
    return next((code for status, code in codes if status in statuses), ANSWERED)


_WORDS: Mapping[str, str] = {
    "answered": "answered",
    "limit": "at a limit",
    "waiting": "waiting for a person",
    "stopped": "stopped",
    "failed": "failed",
}


def _read(source: str) -> "list[BatchTask]":
    from lumo_graph.batch.tasks import parse_lines  # noqa: PLC0415 - langgraph

    if source == "-":
        return parse_lines(sys.stdin)
    try:
        return parse_lines(Path(source).read_text(encoding="utf-8-sig").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The tasks cannot be read from {source!r}: {error}.") from None


def _name_of(source: str) -> str:
    if source == "-":
        raise ConfigurationError("Tasks from stdin need the name of the batch: --name reports-may.")
    return Path(source).stem.replace(":", "-")


@contextmanager
def _stopping() -> Generator[None, None, None]:
    """SIGTERM stops the batch as Ctrl-C does."""

    def stop(*_: object) -> None:
        raise _StoppedError

    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

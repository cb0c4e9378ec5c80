"""The commands of `lumo`. Nothing heavy is imported before a command needs it: `lumo --help` answers at once."""

import sys
import uuid
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lumo_graph.cli.batching import batch
from lumo_graph.cli.complaints import complain
from lumo_graph.cli.deciding import decision_from
from lumo_graph.cli.exits import MEANINGS, USAGE, code_of_error
from lumo_graph.cli.given import Given
from lumo_graph.cli.history_commands import diff, fork, history
from lumo_graph.cli.options import (
    AgentTypeOption,
    ApiKeyOption,
    ArtifactsOption,
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
    TraceOption,
)
from lumo_graph.cli.recovering import recover
from lumo_graph.cli.serving import serve
from lumo_graph.cli.starting import follow_run, place_of
from lumo_graph.cli.thread_commands import threads_app
from lumo_graph.errors import ConfigurationError, LumoGraphError
from lumo_graph.events import Event
from lumo_graph.types import AGENT_TYPES, TIERS, Tier

if TYPE_CHECKING:
    from lumo_graph.cli.calling import CalledAgent

app = typer.Typer(
    help="Agents that act by writing Python, in a sandbox whose variables survive.",
    epilog=f"Exit codes: {MEANINGS}.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(threads_app, name="threads")
for command in (batch, history, diff, fork, recover, serve):
    app.command()(command)


@app.callback(invoke_without_command=True)
def lumo(
    *,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")] = False,
) -> None:
    """Agents that act by writing Python, in a sandbox whose variables survive."""
    if version:
        from importlib.metadata import version as version_of  # noqa: PLC0415 - 20 ms that no other command needs

        typer.echo(f"lumo-graph {version_of('lumo-graph')}")
        raise typer.Exit


@app.command()
def run(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to do; - reads it from stdin.")],
    *,
    model: ModelOption = None,
    model_id: ModelIdOption = None,
    base_url: BaseUrlOption = None,
    api_key: ApiKeyOption = None,
    tools: ToolsOption = None,
    mcp: McpOption = None,
    agent_type: AgentTypeOption = AGENT_TYPES[0],
    thread: Annotated[
        str | None, typer.Option(metavar="ID", help="Thread to start or to go on with; a new one unless given.")
    ] = None,
    file: FileOption = None,
    artifacts: ArtifactsOption = None,
    checkpointer: CheckpointerOption = None,
    system_prompt: SystemPromptOption = None,
    planning_interval: PlanningOption = None,
    interrupt_on: InterruptOnOption = None,
    max_steps: Annotated[int | None, typer.Option(metavar="N", help="Model replies (10).")] = None,
    max_debug_attempts: Annotated[int | None, typer.Option(metavar="N", help="Repairs in a row (3).")] = None,
    max_tool_calls: Annotated[int | None, typer.Option(metavar="N", help="Tool calls.")] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", help="Tokens in and out together.")] = None,
    max_cost: Annotated[float | None, typer.Option(metavar="X", help="Cost as the provider reports it.")] = None,
    max_seconds: Annotated[float | None, typer.Option(metavar="X", help="Seconds of work.")] = None,
    action_seconds: Annotated[float | None, typer.Option(metavar="X", help="Seconds for one action (30).")] = None,
    action_cpu_seconds: Annotated[
        float | None, typer.Option(metavar="X", help="Processor seconds for one action.")
    ] = None,
    memory_mb: Annotated[int | None, typer.Option(metavar="N", help="MiB of memory for the code (2048).")] = None,
    disk_mb: Annotated[int | None, typer.Option(metavar="N", help="MiB of files for the code (64).")] = None,
    trace: TraceOption = False,
    json_lines: JsonOption = False,
) -> None:
    """Run a task."""
    limits = {
        "max_steps": max_steps,
        "max_debug_attempts": max_debug_attempts,
        "max_tool_calls": max_tool_calls,
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_seconds": max_seconds,
        "action_seconds": action_seconds,
        "action_cpu_seconds": action_cpu_seconds,
        "memory_mb": memory_mb,
        "disk_mb": disk_mb,
    }
    given = Given(
        model=model, model_id=model_id, base_url=base_url, api_key=api_key, tools=tools, mcp=mcp, file=file,
        system_prompt=system_prompt, planning_interval=planning_interval, interrupt_on=interrupt_on,
        artifacts=artifacts,
    )  # fmt: skip
    given.check_model()
    place = place_of(thread or uuid.uuid4().hex[:12], checkpointer, given, agent_type=agent_type)

    def start(agent: "CalledAgent") -> AsyncGenerator[Event, None]:
        limited = {name: value for name, value in limits.items() if value is not None}
        return agent.start(sys.stdin.read() if task == "-" else task, {"agent_type": agent_type, "limits": limited})

    raise typer.Exit(follow_run(start, place, given, json_lines=json_lines, trace=trace))


@app.command()
def resume(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The thread; `lumo threads` lists them.")],
    *,
    model: ModelOption = None,
    model_id: ModelIdOption = None,
    base_url: BaseUrlOption = None,
    api_key: ApiKeyOption = None,
    tools: ToolsOption = None,
    mcp: McpOption = None,
    file: FileOption = None,
    artifacts: ArtifactsOption = None,
    checkpointer: CheckpointerOption = None,
    system_prompt: SystemPromptOption = None,
    planning_interval: PlanningOption = None,
    interrupt_on: InterruptOnOption = None,
    approve: Annotated[bool, typer.Option("--approve", help="Let the call that waits be made.")] = False,
    reject: Annotated[str | None, typer.Option(metavar="REASON", help="Do not let it be made.")] = None,
    respond: Annotated[str | None, typer.Option(metavar="TEXT", help="Return this in its place.")] = None,
    edit: Annotated[
        str | None, typer.Option(metavar="JSON", help='Make this call instead: {"name": ..., "args": {...}}.')
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="JSON", help='Any decision, or {"decisions": [...]} with one for each call.')
    ] = None,
    question: Annotated[
        str | None, typer.Option(metavar="ID", help="Decide about this question; do nothing if another one waits.")
    ] = None,
    trace: TraceOption = False,
    json_lines: JsonOption = False,
) -> None:
    """Go on with an interrupted run.

    It has its variables, limits and counters again. Give it the model and the tools that the run had.
    """
    given = Given(
        model=model, model_id=model_id, base_url=base_url, api_key=api_key, tools=tools, mcp=mcp, file=file,
        system_prompt=system_prompt, planning_interval=planning_interval, interrupt_on=interrupt_on,
        artifacts=artifacts,
    )  # fmt: skip
    given.check_model()
    try:
        decided = decision_from(approve=approve, reject=reject, respond=respond, edit=edit, decision=decision)
    except ConfigurationError as error:
        complain(str(error))
        raise typer.Exit(USAGE) from None
    place = place_of(thread, checkpointer, given)

    def start(agent: "CalledAgent") -> AsyncGenerator[Event, None]:
        return agent.go_on(decided, question)

    raise typer.Exit(follow_run(start, place, given, json_lines=json_lines, trace=trace))


@app.command()
def doctor(
    *,
    require: Annotated[
        str | None,
        typer.Option(metavar="|".join(TIERS), help="Fail (exit code 5) where sessions get less isolation than this."),
    ] = None,
    checkpointer: CheckpointerOption = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Print the same as one JSON object.")] = False,
) -> None:
    """Say what works here.

    How well sessions are isolated and what to do about what is missing, what is installed, where threads are stored.
    """
    from lumo_graph.cli.doctor import run_doctor  # noqa: PLC0415 - the executor

    try:
        code = run_doctor(require=cast("Tier | None", require), checkpointer=checkpointer, json_lines=json_lines)
    except LumoGraphError as error:
        complain(str(error))
        raise typer.Exit(code_of_error(error)) from None
    raise typer.Exit(code)


@app.command()
def demo() -> None:
    """Watch an agent work, without a key.

    It fails, repairs itself, is killed and goes on. All of it is real but the model, whose replies are scripted.
    """
    from lumo_graph.cli.demo import run_demo  # noqa: PLC0415 - nothing else needs it

    raise typer.Exit(run_demo())

"""`lumo history`, `lumo diff` and `lumo fork`. Nothing heavy is imported before a command needs it."""

import shlex
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from lumo_graph.cli.complaints import complaining
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.options import CheckpointerOption, JsonOption
from lumo_graph.cli.printable import printable
from lumo_graph.cli.storage import chosen_checkpointer, shown

ThreadArgument = Annotated[str, typer.Argument(metavar="THREAD", help="The thread; `lumo threads` lists them.")]

_CHECKPOINT = "its number in `lumo history`, its id, or the beginning of the id"


def history(thread: ThreadArgument, *, checkpointer: CheckpointerOption = None, json_lines: JsonOption = False) -> None:
    """List the checkpoints of a thread, the newest first.

    `changed` names the variables that changed on the way there. `lumo fork` begins a new thread at any of them.
    """
    with complaining():
        from lumo_graph.checkpoints import list_checkpoints  # noqa: PLC0415 - langgraph
        from lumo_graph.cli.history import print_history  # noqa: PLC0415 - rich

        print_history(list_checkpoints(chosen_checkpointer(checkpointer), thread), json_lines=json_lines)


def diff(
    thread: ThreadArgument,
    a: Annotated[str, typer.Argument(metavar="A", help=f"A checkpoint: {_CHECKPOINT}.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    *,
    checkpointer: CheckpointerOption = None,
    json_lines: JsonOption = False,
) -> None:
    """Say what changed from one checkpoint to another: variables and files.

    Values are compared by what is stored of them, and shown as their session described them: nothing is loaded.
    """
    with complaining():
        from lumo_graph.checkpoints import diff_thread  # noqa: PLC0415 - langgraph
        from lumo_graph.cli.history import print_difference  # noqa: PLC0415 - rich

        print_difference(diff_thread(chosen_checkpointer(checkpointer), thread, a, b), as_json=json_lines)


def fork(
    thread: ThreadArgument,
    *,
    at: Annotated[str, typer.Option("--at", metavar="CHECKPOINT", help=f"Where to begin: {_CHECKPOINT}.")],
    new_thread: Annotated[
        str | None, typer.Option("--as", metavar="NEW_THREAD", help="Name of the new thread; made up unless given.")
    ] = None,
    checkpointer: CheckpointerOption = None,
    json_lines: JsonOption = False,
) -> None:
    """Begin a new thread where another one stood, with the variables and files of that moment.

    The two know nothing of each other. The new one makes its tool calls itself: an action that runs from there on calls
    its tools again, even if the first thread has made the same calls already.
    """
    with complaining():
        from lumo_graph.checkpoints import fork_thread  # noqa: PLC0415 - langgraph

        made = fork_thread(chosen_checkpointer(checkpointer), thread, at=at, new_thread_id=new_thread)
        if json_lines:
            sys.stdout.write(f"{json_line(asdict(made))}\n")
            return
        command = ["resume", made.thread_id] if made.origin.next else ["run", "TASK", "--thread", made.thread_id]
        store = ["--checkpointer", shown(checkpointer)] if checkpointer else []
        begins = f"begins at {made.origin.number} ({made.origin.checkpoint_id}) of thread {thread}"
        print(printable(f"thread {made.thread_id} {begins}"))  # noqa: T201 - that is what a command does
        if made.origin.next:
            print("tool calls from there on are made again, by the new thread")  # noqa: T201 - same
        print(printable(f"go on: {shlex.join(['lumo', *command, *store])}"))  # noqa: T201 - same

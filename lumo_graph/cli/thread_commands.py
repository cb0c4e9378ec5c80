"""`lumo threads` and the commands below it. Nothing heavy is imported before a command needs it."""

import sys
from typing import Annotated

import typer

from lumo_graph.cli.ages import parse_age
from lumo_graph.cli.complaints import complain, complaining, is_nothing
from lumo_graph.cli.exits import USAGE
from lumo_graph.cli.options import CheckpointerOption, JsonOption
from lumo_graph.cli.storage import chosen_checkpointer
from lumo_graph.errors import ConfigurationError

threads_app = typer.Typer(rich_markup_mode=None)

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@threads_app.callback(invoke_without_command=True)
def threads(context: typer.Context, *, checkpointer: CheckpointerOption = None, json_lines: JsonOption = False) -> None:
    """List the stored threads, or prune or delete them.

    The one used last comes first.
    """
    if context.invoked_subcommand is not None:
        return
    import rich  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport] - says that it is missing whatever is stored

    if is_nothing(checkpointer):
        return
    with complaining():
        from lumo_graph.cli.threads import print_threads  # noqa: PLC0415 - langgraph

        print_threads(chosen_checkpointer(checkpointer), json_lines=json_lines)


@threads_app.command()
def prune(
    context: typer.Context,
    *,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Keep the newest N checkpoints of each thread, not 0 of them.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Only threads not used for so long: 12h, 30d, 8w.")
    ] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Only threads whose run has ended.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: YesOption = False,
    checkpointer: CheckpointerOption = None,
    json_lines: JsonOption = False,
) -> None:
    """Make the store smaller.

    With --keep, threads lose their oldest checkpoints and can still be resumed; without, whole threads go.
    """
    checkpointer = checkpointer or _of_parent(context)
    if is_nothing(checkpointer):
        return
    with complaining():
        if keep is None and older_than is None and not ended:
            raise ConfigurationError("say what to prune: --keep 10, --older-than 30d or --ended.")
        from lumo_graph.checkpoints import prune_threads  # noqa: PLC0415 - langgraph
        from lumo_graph.cli.threads import print_pruned  # noqa: PLC0415 - rich

        age = None if older_than is None else parse_age("--older-than", older_than)
        url = chosen_checkpointer(checkpointer)
        found = prune_threads(url, keep=keep, older_than=age, ended=ended, dry_run=True)
        if dry_run or not any(thread.removed for thread in found):
            print_pruned(found, json_lines=json_lines, done=False)
            return
        if not yes:
            print_pruned(found, json_lines=False, done=False)
            _ask("Remove them?")
        print_pruned(prune_threads(url, keep=keep, older_than=age, ended=ended), json_lines=json_lines, done=True)


@threads_app.command()
def delete(
    context: typer.Context,
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The thread; `lumo threads` lists them.")],
    *,
    yes: YesOption = False,
    checkpointer: CheckpointerOption = None,
) -> None:
    """Delete a thread: its conversation, its variables and its history."""
    with complaining():
        from lumo_graph.checkpoints import check_thread, delete_thread  # noqa: PLC0415 - langgraph

        url = chosen_checkpointer(checkpointer or _of_parent(context))
        if not yes:
            check_thread(url, thread)
            _ask(f"Delete thread {thread!r}?")
        delete_thread(url, thread)
        complain(f"thread {thread!r} is deleted.")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        complain("nobody is there to ask. To do it all the same: --yes")
        raise typer.Exit(USAGE)
    if not typer.confirm(question, err=True):
        complain("nothing was done.")
        raise typer.Exit


def _of_parent(context: typer.Context) -> str | None:
    """The store that was named before the command: `lumo threads --checkpointer URL prune`."""
    return context.parent.params.get("checkpointer") if context.parent is not None else None

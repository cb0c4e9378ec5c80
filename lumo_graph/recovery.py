"""Go on with the runs that a process has left: one that died, or that was told to end."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Unpack

from langchain_core.language_models import BaseChatModel

from lumo_graph.checkpoints import Checkpointer, ThreadSummary, alist_unfinished, list_unfinished
from lumo_graph.draining import is_draining
from lumo_graph.errors import LumoGraphError
from lumo_graph.events import RunResult
from lumo_graph.options import AgentOptions
from lumo_graph.runs import aresume, resume


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A run that was gone on with."""

    thread: ThreadSummary
    """As it was found."""
    result: RunResult | None
    """What it came to; None if it failed."""
    error: LumoGraphError | None = None
    """Why: the model or the sandbox failed, or another process was faster (`ThreadBusyError`)."""


def recover(
    model: str | BaseChatModel, *, checkpointer: str | Checkpointer, **options: Unpack[AgentOptions]
) -> Generator[Recovered, None, None]:
    """Go on with every run of a store that is neither at its end, nor waits for a person, nor is driven by a process.

    One after the other, the one used last first, each when the iteration asks for it. A run that fails keeps no other
    from being gone on with. After a drain was requested there are no more.

    Args:
        model: a chat model, or its name as `"openai:gpt-4.1-nano"`.
        checkpointer: the store: a LangGraph checkpointer or a URL such as `sqlite:///runs.db`.
        **options: see `lumo_graph.options.AgentOptions`; the tools must be those that the runs were started with.

    Raises:
        ConfigurationError: there is no such store, or an option cannot be used as given.
    """
    for thread in list_unfinished(checkpointer):
        if is_draining():
            return
        try:
            found = Recovered(
                thread=thread, result=resume(thread.thread_id, model, checkpointer=checkpointer, **options)
            )
        except LumoGraphError as error:
            found = Recovered(thread=thread, result=None, error=error)
        yield found


async def arecover(
    model: str | BaseChatModel, *, checkpointer: str | Checkpointer, **options: Unpack[AgentOptions]
) -> AsyncGenerator[Recovered, None]:
    """`recover` from an event loop."""
    for thread in await alist_unfinished(checkpointer):
        if is_draining():
            return
        try:
            result = await aresume(thread.thread_id, model, checkpointer=checkpointer, **options)
            found = Recovered(thread=thread, result=result)
        except LumoGraphError as error:
            found = Recovered(thread=thread, result=None, error=error)
        yield found

"""What to tell about an action that did not end by itself."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumo_graph.executors.jail.plan import DEEPEST, MOST_FILES
from lumo_graph.types import CodeError

ROLLED_BACK = "The variables are as they were before this action."
_LIMITED = {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a session may use, for the message if that was too little."""

    memory_mb: int
    disk_mb: int | None = None
    cpu_seconds: float | None = None
    """In one action; None: any."""


def describe_stop(kind: str, seconds: float, error: CodeError | None, *, of_processor: bool = False) -> CodeError:
    """An action that was stopped.

    Args:
        kind: `TimeoutError` or `KeyboardInterrupt`.
        seconds: the limit.
        error: what the code said when it was interrupted, if it could.
        of_processor: the limit is one of processor time.
    """
    if kind == "TimeoutError" and of_processor:
        message = f"The action used more than its {seconds:g} s of processor time and was stopped. {ROLLED_BACK}"
    elif kind == "TimeoutError":
        message = f"The action ran longer than its limit of {seconds:g} s and was stopped. {ROLLED_BACK}"
    else:
        message = f"The action was interrupted. {ROLLED_BACK}"
    if error is None:
        return CodeError(kind=kind, message=message)
    return replace(error, kind=kind, message=message, near=())


def describe_overuse(reason: str, allowed: Allowed) -> CodeError:
    """A session that was ended for what it used.

    Args:
        reason: `memory` or `disk`.
        allowed: how much it might have used.
    """
    if reason == "memory":
        message = (
            f"The processes of the action used more than {allowed.memory_mb} MiB of memory together and were ended."
        )
    else:
        message = (
            f"The files of the session took more than its {allowed.disk_mb} MiB of disk, or were more than "
            f"{MOST_FILES:,} or deeper than {DEEPEST} folders, and it was ended."
        )
    return CodeError(kind="SessionDied", message=f"{message} {ROLLED_BACK}")


def describe_death(status: int | None, memory_mb: int) -> CodeError:
    """A session that ended in the middle of an action.

    Args:
        status: exit status of its process, negative for a signal; None if unknown.
        memory_mb: memory it was allowed.
    """
    if status is None:
        how = "closed its channel to the host"
    elif status >= 0:
        how = f"ended with status {status}"
    else:
        how = f"was killed by signal {_signal_name(-status)}"
    advice = ""
    if status is not None and -status in _LIMITED:
        advice = f" It may have needed more than its {memory_mb} MiB of memory, or native code crashed."
    message = f"The interpreter {how} while the action ran.{advice} {ROLLED_BACK}"
    return CodeError(kind="SessionDied", message=message)


def describe_leftovers(threads: Sequence[str], processes: int, unfrozen: str | None, *, held: bool) -> tuple[str, ...]:
    """What a session is left with after an action.

    Args:
        threads: names of those that go on.
        processes: number of those that go on.
        unfrozen: why there is no copy from before the action.
        held: they are held still until the next action.
    """
    notes: list[str] = []
    pausing = " They pause between actions." if held else ""
    if threads:
        notes.append(f"Threads that are still running: {', '.join(map(repr, threads))}.{pausing}")
    if processes:
        notes.append(f"Processes that are still running: {processes}.{pausing}")
    if unfrozen is not None:
        notes.append(
            f"No copy of the variables was kept ({unfrozen}): if code has to be stopped, values that cannot be saved "
            "are lost."
        )
    return tuple(notes)


def describe_lost(threads: Sequence[str] | None) -> tuple[str, ...]:
    """What an action that was undone has cost: names of threads, or None if its session is lost."""
    if not threads:
        return ()
    names = ", ".join(map(repr, threads))
    return (f"Threads of earlier code have ended, and what they had locked stays locked: {names}.",)


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)

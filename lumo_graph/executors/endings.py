"""What to tell about an action that did not end by itself."""

import signal
from dataclasses import replace

from lumo_graph.types import CodeError

_ROLLED_BACK = "The variables are as they were before this action."
_LIMITED = {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}


def describe_stop(kind: str, seconds: float, error: CodeError | None) -> CodeError:
    """An action that was stopped.

    Args:
        kind: `TimeoutError` or `KeyboardInterrupt`.
        seconds: the limit.
        error: what the code said when it was interrupted, if it could.
    """
    if kind == "TimeoutError":
        message = f"The action ran longer than its limit of {seconds:g} s and was stopped. {_ROLLED_BACK}"
    else:
        message = f"The action was interrupted. {_ROLLED_BACK}"
    if error is None:
        return CodeError(kind=kind, message=message)
    return replace(error, kind=kind, message=message, near=())


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
    message = f"The interpreter {how} while the action ran.{advice} {_ROLLED_BACK}"
    return CodeError(kind="SessionDied", message=message)


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)

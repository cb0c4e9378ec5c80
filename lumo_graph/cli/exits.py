"""What the exit code of `lumo` says."""

from lumo_graph.errors import ConfigurationError, ExecutorError, LumoGraphError, ModelError, ThreadBusyError
from lumo_graph.types import Outcome

ANSWERED = 0
FAILED = 1
USAGE = 2
LIMIT = 3
MODEL = 4
SANDBOX = 5
BUSY = 6
DRAINED = 7
"""A signal stopped the run in good order, and it is kept."""
INTERRUPTED = 130
READER_GONE = 141
"""As a shell reports a process that ended because nobody reads its output any more (128 + SIGPIPE)."""

MEANINGS = (
    "0 answered · 1 a task of a batch failed · 2 usage or configuration · 3 a limit was reached · 4 the model failed · "
    "5 the sandbox failed · "
    "6 another run has the thread · 7 stopped by a signal, resume goes on · 130 interrupted"
)


def code_of_outcome(outcome: Outcome) -> int:
    """The exit code of a run that came to its end."""
    if outcome == "answered":
        return ANSWERED
    return INTERRUPTED if outcome in {"interrupted", "cancelled"} else LIMIT


def code_of_error(error: LumoGraphError) -> int:
    """The exit code of a run that failed."""
    codes = ((ConfigurationError, USAGE), (ModelError, MODEL), (ExecutorError, SANDBOX), (ThreadBusyError, BUSY))
    return next((code for kind, code in codes if isinstance(error, kind)), FAILED)

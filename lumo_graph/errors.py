"""What can go wrong, by who must react.

LumoGraphError
  ConfigurationError (ValueError)   the caller: a bad argument; raised before any work
    AddressError                    an address may not be connected to; nothing was sent there
  ThreadBusyError                   the caller: another run drives the thread; nothing was done
  ModelError                        the model's provider failed after the retries; the checkpoint is kept
  ExecutorError                     the sandbox failed; never shown to the model as output
    IsolationError                  the required isolation tier is not available here
    SnapshotError                   a namespace could not be saved or restored
      SealError                     it is not signed as the executor wants it: nothing of the thread was loaded or run
      RestoreError                  nor rebuilt from the thread's recorded actions: nothing was repeated
    DivergenceError                 a replay did not match its journal: nothing was repeated

Failing code (`Execution.error`), a failing tool (an observation) and a reached limit (`outcome`) are values,
not exceptions.
"""


class LumoGraphError(Exception):
    """Base of every error this library raises."""


class ConfigurationError(LumoGraphError, ValueError):
    """An argument, a setting or a stored thread cannot be used as given. Raised before any work is done."""


class AddressError(ConfigurationError):
    """An address is not public, or leads to one that is not, and may not be connected to. Nothing was sent there."""


class ThreadBusyError(LumoGraphError):
    """Another run drives the thread. Nothing was done to it: try again once that run has ended."""


class ModelError(LumoGraphError):
    """The model's provider failed and the retries are used up. The checkpoint is kept: resume continues."""

    thread_id: str | None = None
    """The thread that `resume` continues, where `run` or one of its kin stored it."""


class ExecutorError(LumoGraphError):
    """The sandbox failed. The code is not to blame, so the model never sees this."""


class IsolationError(ExecutorError):
    """The isolation tier that was required is not available on this machine. No code was run."""


class SnapshotError(ExecutorError):
    """A namespace could not be saved or restored."""


class SealError(SnapshotError):
    """Stored variables are not signed as the executor wants it. Nothing of their thread was loaded, or run again."""


class RestoreError(SnapshotError):
    """The variables of a thread can neither be loaded nor rebuilt. The checkpoint is kept; nothing was repeated."""


class DivergenceError(ExecutorError):
    """A replayed action took another path than its journal. Nothing was repeated."""

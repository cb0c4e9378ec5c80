"""The default executor: a jailed process for every session."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors.launch import start_session
from lumo_graph.executors.relaying import find_out
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.executors.worker.packages import find_packages
from lumo_graph.types import TIERS, Limits, Tier, ToolSpec

_PACKAGES = (
    "numpy", "pandas", "scipy", "sympy", "sklearn", "statsmodels", "matplotlib", "seaborn", "plotly", "polars",
    "pyarrow", "duckdb", "networkx", "PIL", "cv2", "bs4", "lxml", "openpyxl", "yaml", "dateutil", "pydantic", "mpmath",
    "nltk", "spacy", "shapely", "geopandas", "pypdf", "docx", "jinja2", "tabulate", "torch",
)  # fmt: skip


class ProcessExecutor:
    """Opens sessions that are processes of their own, behind the best jail this machine gives.

    Sessions are forked from a fresh process with a scrubbed environment, one for each set of preloaded packages,
    which all executors of this process share. It starts with the first session and ends with this process.

    Args:
        require: the least isolation to run code behind; with less, `open` raises IsolationError.
        preload: modules to import once, before sessions are forked, so that code gets them at no cost.
        freeze_below_mb: memory of a session, in MiB, up to which a copy of it is frozen before each action, so that an
            action that has to be stopped is undone and the session goes on. The more memory, the longer the copy
            takes: about 2 ms for every 100 MiB. 0: never; a stopped session is then restored from its snapshot.
        launch: a command that starts a Python and ends with it, such as `["docker", "run", "-i", "--rm", "my-image",
            "python"]`: arguments are added to it. It is run once for each session, and talks with this process over its
            standard input and output alone. That Python needs lumo_graph of this same version, msgpack and cloudpickle;
            langgraph and the rest need not be there. The command gets PATH, HOME and what launchers need to find their
            services from the environment, and the session gets nothing of it. `preload` is imported for each session.
            The layers of lumo_graph stand inside of what it starts, as many as can be had there, and `require` counts
            these: with a launcher that contains enough by itself, say `require="none"`.

    Raises:
        ConfigurationError: an unknown tier, a module that is not installed, a size that is none, or a command that is
            not there.
    """

    def __init__(
        self,
        *,
        require: Tier = "fs",
        preload: Sequence[str] = (),
        freeze_below_mb: int = 512,
        launch: Sequence[str] = (),
    ) -> None:
        if require not in TIERS:
            raise ConfigurationError(f"require must be one of {', '.join(TIERS)}, not {require!r}.")
        if isinstance(preload, str):
            raise ConfigurationError(f"preload must be a list of module names, not the string {preload!r}.")
        for name in preload:
            if not launch and not _is_installed(name):
                raise ConfigurationError(f"preload names {name!r}, but no such module is installed.")
        if type(freeze_below_mb) is not int or freeze_below_mb < 0:
            raise ConfigurationError(
                f"freeze_below_mb must be a whole number of MiB, 0 or more, not {freeze_below_mb!r}."
            )
        _check_launch(launch)
        self._settings = Settings(
            require=require,
            preload=tuple(dict.fromkeys(preload)),
            freeze_below_mb=freeze_below_mb,
            launch=tuple(launch),
        )

    def __repr__(self) -> str:
        settings = self._settings
        launch = f", launch={list(settings.launch)!r}" if settings.launch else ""
        return f"ProcessExecutor(require={settings.require!r}, preload={list(settings.preload)!r}{launch})"

    @property
    def packages(self) -> Sequence[str]:
        """Installed packages worth naming to the model as importable. A launcher is run to find out, once."""
        launch = self._settings.launch
        return find_out(launch, _PACKAGES).packages if launch else _find_packages()

    @property
    def python_version(self) -> tuple[int, int]:
        """Of the Python that runs the sessions. A launcher is run to find out, once."""
        launch = self._settings.launch
        return find_out(launch, _PACKAGES).python_version if launch else sys.version_info[:2]

    def open(
        self, namespace: Mapping[str, bytes] | None = None, *, tools: Sequence[ToolSpec] = (), limits: Limits
    ) -> ProcessSession:
        """A new session whose namespace is empty, or restored from the merged snapshots of another session.

        Args:
            namespace: merged `Snapshot.changed` of another session, without what is None.
            tools: functions of the host that the code may call.
            limits: `memory_mb` and `disk_mb` apply to the session.

        Raises:
            IsolationError: the required isolation is not available.
            SnapshotError: `namespace` cannot be loaded here.
            ExecutorError: no session could be started.
        """
        if os.name != "posix":
            raise ExecutorError(f"ProcessExecutor needs Linux or macOS; this is {sys.platform!r}.")
        link, isolation, restored = start_session(self._settings, limits=limits, tools=tools, namespace=namespace or {})
        return ProcessSession(link, isolation, tools, memory_mb=limits.memory_mb, restored=restored)


def _check_launch(launch: Sequence[str]) -> None:
    if isinstance(launch, str):
        raise ConfigurationError(f"launch must be a list, a command and its arguments, not the string {launch!r}.")
    for part in launch:
        if type(part) is not str or not part or "\0" in part:
            raise ConfigurationError(f"launch must be a list of texts that are not empty; it has {part!r}.")
    if launch and shutil.which(launch[0]) is None:
        raise ConfigurationError(
            f"launch begins with {launch[0]!r}, but there is no such command: install it, or give its whole path."
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@cache
def _find_packages() -> tuple[str, ...]:
    return tuple(find_packages(_PACKAGES))

"""The default executor: a jailed process for every session."""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors.jail.plan import readable_paths
from lumo_graph.executors.launch import start_session
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
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

    Raises:
        ConfigurationError: an unknown tier, a module that is not installed, or a size that is none.
    """

    def __init__(self, *, require: Tier = "fs", preload: Sequence[str] = (), freeze_below_mb: int = 512) -> None:
        if require not in TIERS:
            raise ConfigurationError(f"require must be one of {', '.join(TIERS)}, not {require!r}.")
        if isinstance(preload, str):
            raise ConfigurationError(f"preload must be a list of module names, not the string {preload!r}.")
        for name in preload:
            if not _is_installed(name):
                raise ConfigurationError(f"preload names {name!r}, but no such module is installed.")
        if type(freeze_below_mb) is not int or freeze_below_mb < 0:
            raise ConfigurationError(
                f"freeze_below_mb must be a whole number of MiB, 0 or more, not {freeze_below_mb!r}."
            )
        self._settings = Settings(
            require=require, preload=tuple(dict.fromkeys(preload)), freeze_below_mb=freeze_below_mb
        )

    def __repr__(self) -> str:
        return f"ProcessExecutor(require={self._settings.require!r}, preload={list(self._settings.preload)!r})"

    @property
    def packages(self) -> Sequence[str]:
        """Installed packages worth naming to the model as importable."""
        return _find_packages()

    def open(
        self, namespace: Mapping[str, bytes] | None = None, *, tools: Sequence[ToolSpec] = (), limits: Limits
    ) -> ProcessSession:
        """A new session whose namespace is empty, or restored from the merged snapshots of another session.

        Args:
            namespace: merged `Snapshot.changed` of another session, without what is None.
            tools: functions of the host that the code may call.
            limits: `memory_mb` and `disk_mb` apply to the session, `action_cpu_seconds` to each of its actions.

        Raises:
            IsolationError: the required isolation is not available.
            SnapshotError: `namespace` cannot be loaded here.
            ExecutorError: no session could be started.
        """
        if os.name != "posix":
            raise ExecutorError(f"ProcessExecutor needs Linux or macOS; this is {sys.platform!r}.")
        link, isolation, restored = start_session(self._settings, limits=limits, tools=tools, namespace=namespace or {})
        return ProcessSession(
            link, isolation, tools, memory_mb=limits.memory_mb, disk_mb=limits.disk_mb,
            cpu_seconds=limits.action_cpu_seconds, restored=restored,
        )  # fmt: skip


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@cache
def _find_packages() -> tuple[str, ...]:
    # Those that lie where a session may read.
    readable = tuple(path.rstrip("/") + "/" for path in readable_paths())
    found: list[str] = []
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        places = (spec.origin, *(spec.submodule_search_locations or ())) if spec else ()
        if any(place and place.startswith(readable) for place in places):
            found.append(name)
    return tuple(found)

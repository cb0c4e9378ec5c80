"""The default executor: a jailed process for every session."""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Literal

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors.inputs import Files, check_inputs, describe_inputs
from lumo_graph.executors.launch import probe_isolation, start_empty, start_session
from lumo_graph.executors.relaying import find_out
from lumo_graph.executors.sealing import Seal, check_keys
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings, check_env, check_flag, check_launch, check_names, check_whole
from lumo_graph.executors.warm import WarmSessions
from lumo_graph.executors.worker.packages import find_packages
from lumo_graph.types import TIERS, Isolation, Limits, Tier, ToolSpec

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
        files: what sessions find in their working directory, for reading: a list of paths, or a mapping of names to
            paths or bytes. They are copied into each session; with isolation `full`, what is over 16 MiB and may be
            read by everybody is shown as it is. Links, sockets and pipes in a folder are left out of a copy.
        keep_files_mb: size of the files in the working directory, in MiB, that travel with a snapshot and are the
            artifacts of a run. What is beyond it, the largest files first, lives as long as its session. 0: none.
        imports: modules that code may import. A convenience that keeps code to what was meant for it; what contains
            it is the jail. None: all that are installed.
        env: environment variables of the code. Nothing of this process's environment is passed on.
        network: `"none"`: there is no other way out than the tools.
        warm: sessions that are kept ready, each for about 10 MiB, so that a new one takes a millisecond.
        freeze_below_mb: memory of a session, in MiB, up to which a copy of it is frozen before each action, so that an
            action that has to be stopped is undone and the session goes on. The more memory, the longer the copy
            takes: about 2 ms for every 100 MiB. 0: never; a stopped session is then restored from its snapshot.
        deterministic: actions that are given `Sources` draw their random numbers and times from these, so that one
            that is run again takes the same path: `random`, numpy's generators, `os.urandom`, `secrets`, `uuid`,
            temporary names, `time` and `datetime`. False: Python's own functions stay as they are.
        launch: a command that starts a Python and ends with it, such as `["docker", "run", "-i", "--rm", "my-image",
            "python"]`: arguments are added to it. It is run once for each session, and talks with this process over its
            standard input and output alone. That Python needs lumo_graph of this same version, msgpack and cloudpickle;
            langgraph and the rest need not be there. The command gets PATH, HOME and what launchers need to find their
            services from the environment, and the session gets nothing of it. `preload` is imported for each session.
            The layers of lumo_graph stand inside of what it starts, as many as can be had there, and `require` counts
            these: with a launcher that contains enough by itself, say `require="none"`.

        snapshot_key: signs what is stored of the variables, so that nobody without the key can have a session load
            what they put in the store: at least 16 random bytes. Of several the first signs, and all are good. Nothing
            is hidden by it; for that see LangGraph's EncryptedSerializer.

    Raises:
        ConfigurationError: something cannot be used as given; it says what.
    """

    def __init__(
        self,
        *,
        require: Tier = "fs",
        preload: Sequence[str] = (),
        files: Files = (),
        keep_files_mb: int = 16,
        imports: Sequence[str] | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
        network: Literal["none"] = "none",
        warm: int = 0,
        freeze_below_mb: int = 512,
        deterministic: bool = True,
        launch: Sequence[str] = (),
        snapshot_key: bytes | Sequence[bytes] = (),
    ) -> None:
        if require not in TIERS:
            raise ConfigurationError(f"require must be one of {', '.join(TIERS)}, not {require!r}.")
        if network != "none":
            raise ConfigurationError(
                f"network must be 'none', not {network!r}: give the code tools for what it may reach."
            )
        for name in check_names("preload", preload):
            if not launch and not _is_installed(name):
                raise ConfigurationError(f"preload names {name!r}, but no such module is installed.")
        self._settings = Settings(
            require=require,
            preload=tuple(dict.fromkeys(preload)),
            freeze_below_mb=check_whole("freeze_below_mb", freeze_below_mb, "MiB"),
            files=check_inputs(files),
            keep_files_mb=check_whole("keep_files_mb", keep_files_mb, "MiB"),
            imports=None if imports is None else check_names("imports", imports),
            env=check_env(env),
            deterministic=check_flag("deterministic", deterministic),
            launch=check_launch(launch),
        )
        self._keys = check_keys(snapshot_key)
        start = partial(start_empty, self._settings)
        self._start = WarmSessions(start, count=warm).take if check_whole("warm", warm, "sessions") else start

    def __repr__(self) -> str:
        settings = self._settings
        launch = f", launch={list(settings.launch)!r}" if settings.launch else ""
        return f"ProcessExecutor(require={settings.require!r}, preload={list(settings.preload)!r}{launch})"

    @property
    def deterministic(self) -> bool:
        """Whether its sessions can run an action again from the `Sources` it had."""
        return self._settings.deterministic

    @property
    def imports(self) -> Sequence[str] | None:
        """Modules that code may import; None: all that are installed."""
        return self._settings.imports

    @property
    def notes(self) -> Sequence[str]:
        """What the model is told about its sessions: the files they find."""
        return [describe_inputs(self._settings.files)] if self._settings.files else []

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

    def probe(self) -> Isolation:
        """What contains the sessions that `open` gives here, found out without running any code.

        The first call starts a session and ends it; later ones, of every executor made alike, know the result.

        Raises:
            IsolationError: the required isolation is not available.
            ExecutorError: no session could be started.
        """
        _check_platform()
        return probe_isolation(self._settings)

    def open(
        self,
        namespace: Mapping[str, bytes] | None = None,
        *,
        tools: Sequence[ToolSpec] = (),
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
    ) -> ProcessSession:
        """A new session whose namespace is empty, or restored from the merged snapshots of another session.

        Args:
            namespace: merged `Snapshot.changed` of another session, without what is None.
            tools: functions of the host that the code may call.
            limits: `memory_mb` and `disk_mb` apply to the session, `action_cpu_seconds` to each of its actions.
            files: merged `Snapshot.files` of that session, without what is None.

        Raises:
            IsolationError: the required isolation is not available.
            SnapshotError: `namespace` cannot be loaded here, or is not signed as this executor wants it.
            ExecutorError: no session could be started.
        """
        _check_platform()
        seal = Seal(self._keys)
        namespace = seal.opened(namespace or {})
        started, restored = start_session(
            self._settings, limits=limits, tools=tools, namespace=namespace, files=files or {}, start=self._start
        )
        return ProcessSession(
            started.link,
            started.isolation,
            tools,
            memory_mb=limits.memory_mb,
            disk_mb=limits.disk_mb,
            cpu_seconds=limits.action_cpu_seconds,
            keep_files_mb=self._settings.keep_files_mb,
            restored=restored,
            seal=seal,
        )


def _check_platform() -> None:
    if os.name != "posix":
        raise ExecutorError(f"ProcessExecutor needs Linux or macOS; this is {sys.platform!r}.")


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@cache
def _find_packages() -> tuple[str, ...]:
    return tuple(find_packages(_PACKAGES))

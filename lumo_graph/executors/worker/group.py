"""The control group of one session: made before it starts, joined by the process that runs its code, removed after it.

Its files are opened while they are in sight: behind the jail they are not. The session's own processes close them
before any code runs.
"""

import fcntl
import os
import secrets
import signal
import time
from contextlib import suppress
from pathlib import Path

from lumo_graph.executors.jail.cgroups import WANTED, Choice, choose, find_own, survey
from lumo_graph.executors.jail.plan import GROUP, NAMESPACES, Plan

_PREFIX = "lumo-"
_MEBIBYTE = 1 << 20
_KERNEL_MB = 64
"""For what the kernel needs on behalf of the session: page tables, stacks, pipes."""
_SECONDS = 1.0
_PAUSE_SECONDS = 0.002
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = ("cgroup.events", "cpu.stat", "memory.events")
_WRITTEN = ("cgroup.procs", "cgroup.freeze", "cgroup.kill")


class Group:
    """A group that exists. Its guard holds a lock on it: one that nobody holds was left behind.

    Args:
        parent: directory that it is in.
        name: its own.
    """

    def __init__(self, parent: Path, name: str) -> None:
        self._name = name
        self._files: dict[str, int] = {}
        self._joined = False
        self._killed = 0
        self.missing: dict[str, str] = {}
        """What of it could not be had, each with the reason."""
        (parent / name).mkdir(0o755)
        self._parent = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._directory = -1
        try:
            self._directory = os.open(name, _DIRECTORY, dir_fd=self._parent)
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for names, flags in ((_READ, os.O_RDONLY), (_WRITTEN, os.O_WRONLY)):
                for file in names:
                    with suppress(FileNotFoundError):  # a kernel, or a machine, without it
                        self._files[file] = os.open(file, flags | os.O_CLOEXEC, dir_fd=self._directory)
        except BaseException:
            self.remove()
            raise

    def limit(self, plan: Plan) -> None:
        """Bound what all its processes may use together."""
        for controller, limits in _limits(plan).items():
            try:
                for file, value in limits:
                    self._set(file, value)
            except OSError as failure:
                absent = isinstance(failure, FileNotFoundError)
                why = "the controller is not available here" if absent else failure.strerror or str(failure)
                self.missing[f"{GROUP} {controller}"] = why

    def join(self) -> None:
        """Move this process into the group, and let go of its files.

        Raises:
            OSError: the kernel refuses.
        """
        try:
            os.write(self._files["cgroup.procs"], b"0")
        finally:
            self.close()

    @property
    def joined(self) -> bool:
        """Whether it has processes, or had when this was asked before."""
        self._joined = self._joined or b"populated 1" in self._text("cgroup.events")
        return self._joined

    @property
    def freezes(self) -> bool:
        """Whether it can hold all its processes still."""
        return self.joined and "cgroup.freeze" in self._files

    def freeze(self) -> None:
        """Hold all its processes still, whatever they do about it."""
        os.write(self._files["cgroup.freeze"], b"1")

    def thaw(self) -> None:
        """Let them go on."""
        os.write(self._files["cgroup.freeze"], b"0")

    def seconds(self) -> float:
        """Processor time that they have used, those that have ended included."""
        for line in self._text("cpu.stat").splitlines():
            name, _, value = line.partition(b" ")
            if name == b"usage_usec":
                return int(value) / 1e6
        return 0.0

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has ended one of them for the memory they use together, since this was last asked."""
        for line in self._text("memory.events").splitlines():
            name, _, value = line.partition(b" ")
            if name == b"oom_kill":
                before, self._killed = self._killed, int(value)
                return self._killed > before
        return False

    def kill(self) -> None:
        """End all its processes at once: none of them can fork past it."""
        if "cgroup.kill" in self._files:
            with suppress(OSError):
                os.write(self._files["cgroup.kill"], b"1")

    def remove(self) -> None:
        """Remove it, once its processes have ended."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                os.rmdir(self._name, dir_fd=self._parent)
            except FileNotFoundError:
                break
            except OSError:
                if time.monotonic() > until:
                    break  # the next guard finds it
                time.sleep(_PAUSE_SECONDS)
            else:
                break
        self.close()

    def close(self) -> None:
        """Let go of its files."""
        for descriptor in (self._parent, self._directory, *self._files.values()):
            with suppress(OSError):
                os.close(descriptor)
        self._parent = self._directory = -1
        self._files.clear()

    def _set(self, file: str, value: str) -> None:
        handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._directory)
        try:
            os.write(handle, value.encode())
        finally:
            os.close(handle)

    def _text(self, file: str) -> bytes:
        return os.pread(self._files[file], 4096, 0) if file in self._files else b""


def was_starved(group: Group | None, status: int) -> bool:
    """Whether the kernel has ended a process with this exit status for the memory of its group."""
    return group is not None and group.ran_out_of_memory() and status == -signal.SIGKILL


def make_group(plan: Plan) -> Group | str:
    """Make a group for a session, and remove those that guards have left behind.

    Returns:
        The group, or why there is none.
    """
    try:
        found = find_own(
            Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"),
            Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace"),
        )
        chosen = found if isinstance(found, str) else choose(survey(*found))
        if isinstance(chosen, str):
            return chosen
        if not chosen.is_worth_it(counts=plan.cpu_seconds is not None, contained=NAMESPACES in plan.layers):
            return f"no controller of {' or '.join(WANTED)} is available here, and nothing else needs one"
        return make_group_in(chosen, plan)
    except OSError as failure:
        return failure.strerror or str(failure)


def make_group_in(chosen: Choice, plan: Plan) -> Group:
    """Make a group for a session in a directory, and remove those that guards have left behind there.

    Raises:
        OSError: it cannot be made.
    """
    for controller in chosen.enable:
        with suppress(OSError):  # the group says what it has not
            (chosen.path / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    _sweep(chosen.path)
    group = Group(chosen.path, _PREFIX + secrets.token_hex(8))
    group.limit(plan)
    return group


def _limits(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    # A page is charged to whoever touched it first: what the zygote has loaded is not the session's. What is: what its
    # processes add, its files where they lie in memory, and what the frozen copy keeps of pages that were changed.
    # The kernel ends the largest process when it comes to that: all of them at once would take the copy along.
    memory = plan.memory_mb + plan.freeze_below_mb + _KERNEL_MB
    if NAMESPACES in plan.layers:
        memory += plan.disk_mb
    return {
        WANTED[0]: [
            ("memory.max", str(memory * _MEBIBYTE)),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "0"),
        ],
        WANTED[1]: [("pids.max", str(plan.processes))],
    }


def _sweep(parent: Path) -> None:
    # Those whose guard was killed. What is still in there has nobody who watches it.
    for path in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            directory = os.open(path, _DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with suppress(OSError):
                    path.rmdir()
                    continue
                (path / "cgroup.kill").write_text("1", encoding="ascii")
            finally:
                os.close(directory)

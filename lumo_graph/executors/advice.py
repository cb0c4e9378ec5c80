"""What a person can do about a layer that is off, on this machine. Advice is a pure function of what was read there."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lumo_graph.executors.jail.namespaces import KINDS
from lumo_graph.executors.jail.plan import LANDLOCK, NAMESPACES, PRIVILEGES, SECCOMP, readable_paths
from lumo_graph.executors.jail.privileges import first_unreachable

_COUNTS = tuple(f"user.max_{kind}_namespaces" for kind in KINDS)
_DEBIAN, _UBUNTU = "kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns"
_FORBIDDING = {**dict.fromkeys(_COUNTS, 0), _DEBIAN: 0, _UBUNTU: 1}
"""Settings of the kernel, each with the value that forbids namespaces."""
_ALLOWING = {**dict.fromkeys(_COUNTS, 10_000), _DEBIAN: 1, _UBUNTU: 0}
_SYS_ADMIN = 21
_LANDLOCK_SINCE = (5, 13)
_PROFILE = "--security-opt seccomp=PROFILE.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What advice depends on."""

    system: str = "Linux"
    release: str = ""
    """Of the kernel: `6.8.0-40-generic`."""
    root: bool = False
    """This process is root's."""
    admin: bool = False
    """It has the capability SYS_ADMIN, which root in a container has not."""
    filtered: bool = False
    """It is behind a seccomp filter already, as in a container."""
    settings: Mapping[str, int] = field(default_factory=dict[str, int])
    """Settings about namespaces that this kernel has: `{"user.max_user_namespaces": 96365}`."""
    security_modules: tuple[str, ...] | None = None
    """Security modules of the kernel; None if they are not known."""
    out_of_reach: str | None = None
    """A folder that Python lies in and that not every user may enter."""


def read_machine() -> Machine:
    """What this machine says about itself."""
    status = {name: value.strip() for name, _, value in map(_split, _read("/proc/self/status").splitlines())}
    modules = _read("/sys/kernel/security/lsm").strip()
    found = {name: _read(f"/proc/sys/{name.replace('.', '/')}").strip() for name in _FORBIDDING}
    uname = os.uname()
    return Machine(
        system="Linux" if sys.platform == "linux" else uname.sysname,
        release=uname.release,
        root=os.geteuid() == 0,
        admin=bool(int(status.get("CapEff", "0"), 16) >> _SYS_ADMIN & 1),
        filtered=status.get("Seccomp") == "2",
        settings={name: int(value) for name, value in found.items() if value.isdecimal()},
        security_modules=tuple(modules.split(",")) if modules else None,
        out_of_reach=first_unreachable(readable_paths()),
    )


def advise(name: str, machine: Machine) -> str:
    """What to do about a layer, or a smaller part, that is off.

    Returns:
        One line; empty if there is nothing to be done.
    """
    if name not in _ADVISERS:
        return ""
    if machine.system != "Linux":
        return "use Linux, in a container or a virtual machine for instance"
    return _ADVISERS[name](machine)


def _about_namespaces(machine: Machine) -> str:
    closed = [
        name
        for name, value in machine.settings.items()
        if value == _FORBIDDING[name] and (name in _COUNTS or not machine.root)
    ]
    if closed:
        return " ".join(["as root: sysctl -w", *(f"{name}={_ALLOWING[name]}" for name in closed)])
    weak = machine.root and not machine.admin
    if weak or machine.filtered:
        profile = f"{_PROFILE} that allows clone, unshare, mount, umount2, mount_setattr and pivot_root"
        user = "--user 1000 and " if weak else ""
        return f"in Docker: {user}{profile}; where the host has AppArmor, --security-opt apparmor=unconfined too"
    return f"allow namespaces: see sysctl {_COUNTS[0]}, {_DEBIAN} (Debian) and {_UBUNTU} (Ubuntu), and SELinux"


def _about_landlock(machine: Machine) -> str:
    if _version(machine.release) < _LANDLOCK_SINCE:
        return f"use Linux 5.13 or newer; this is {machine.release}"
    if machine.security_modules is not None and "landlock" not in machine.security_modules:
        return f"start Linux with lsm=landlock,{','.join(machine.security_modules)} on its command line"
    if machine.filtered:
        calls = "landlock_create_ruleset, landlock_add_rule and landlock_restrict_self"
        return f"in Docker: use a newer one, or {_PROFILE} that allows {calls}"
    return "use a kernel with CONFIG_SECURITY_LANDLOCK=y, and landlock in lsm= on its command line"


def _about_seccomp(machine: Machine) -> str:
    if machine.filtered:
        return "in Docker: leave the usual seccomp profile on, it allows seccomp and prctl; a profile here does not"
    return "use a kernel with CONFIG_SECCOMP_FILTER=y, on x86_64 or aarch64"


def _about_privileges(machine: Machine) -> str:
    if not machine.root:
        return "allow prctl(PR_SET_NO_NEW_PRIVS) to this process"
    if machine.out_of_reach is not None:
        return (
            f"use a Python that every user can reach (below /usr or /opt, not below {machine.out_of_reach!r}), run as "
            "an ordinary user, or allow namespaces"
        )
    return "run as an ordinary user (in Docker: --user 1000), or as a root that may become another user"


def _about_proc(_machine: Machine) -> str:
    return "in Docker: --security-opt systempaths=unconfined (it masks parts of /proc)"


_ADVISERS: Mapping[str, Callable[[Machine], str]] = {
    NAMESPACES: _about_namespaces,
    LANDLOCK: _about_landlock,
    SECCOMP: _about_seccomp,
    PRIVILEGES: _about_privileges,
    "user namespace": _about_namespaces,
    "proc": _about_proc,
}


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _version(release: str) -> tuple[int, ...]:
    numbers = release.partition("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdecimal())


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace")
    return ""

"""A private view of the machine: own processes, own network, own mounts, and a root that holds what Python needs."""

import contextlib
import ctypes
import errno
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from lumo_graph.executors.jail import kernel
from lumo_graph.executors.jail.plan import DEVICES, FOLDER, NAMESPACES, LayerError, Plan, describe_refusal

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
_MS_NOATIME, _MS_NODIRATIME, _MS_RELATIME = 1 << 10, 1 << 11, 1 << 21
_ST_NOATIME, _ST_NODIRATIME, _ST_RELATIME = 1 << 10, 1 << 11, 1 << 12
_MOUNT_SETATTR = 442
_AT_RECURSIVE = 0x8000
_MAX_INODES = 65536
_COVERED = "/tmp"  # noqa: S108 - only a mount point, in a mount namespace of our own

KINDS = ("user", "mnt", "pid", "net", "ipc", "uts")
"""Namespaces that a session has of its own, as the kernel's settings call them."""
_FLAGS = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    path: str
    link: str | None = None
    handle: int = -1


def enter(plan: Plan) -> None:
    """Take this process into new namespaces and onto a private root; the next fork is process 1 in there.

    Raises:
        LayerError: the kernel or its configuration refuses. The process is in a half state and must end.
    """
    if not (kernel.LINUX and kernel.KNOWN_MACHINE):
        raise LayerError(NAMESPACES, f"not supported on {os.uname().sysname} {kernel.MACHINE}")
    try:
        _unshare()
        _build_root(plan)
    except OSError as failure:
        if failure.errno == errno.ENOSPC and (forbidden := _forbidden_kind()):
            raise LayerError(NAMESPACES, f"{forbidden} is 0") from failure
        raise LayerError.from_refusal(NAMESPACES, failure) from failure


def finish() -> str | None:
    """Complete the private root from inside, as process 1 of it.

    Returns:
        Why there is no /proc in it; None if there is.
    """
    try:
        without_proc = _mount_proc()
        kernel.detach("/old")
        Path("/old").rmdir()
        kernel.mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_RDONLY)
    except OSError as failure:
        raise LayerError.from_refusal(NAMESPACES, failure) from failure
    return without_proc


def map_identity(uid: int, gid: int) -> None:
    """Map a user and a group to themselves in the user namespace this process has just entered."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def _unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        kernel.unshare(_FLAGS)
        return
    kernel.unshare(_FLAGS | kernel.CLONE_NEWUSER)
    map_identity(uid, gid)


def _forbidden_kind() -> str | None:
    # The kernel says "no space" both where there are too many for now and where none is allowed at all.
    for kind in KINDS:
        name = f"max_{kind}_namespaces"
        with contextlib.suppress(OSError):
            if Path(f"/proc/sys/user/{name}").read_text(encoding="ascii").strip() == "0":
                return f"user.{name}"
    return None


def _build_root(plan: Plan) -> None:
    kernel.mount(None, "/", None, MS_REC | MS_PRIVATE)
    # Handles are taken first: the new root covers /tmp, and what it binds may lie below that.
    sources = _open_sources(plan.readable)
    inputs = {name: os.open(path, os.O_PATH | os.O_CLOEXEC) for name, path in plan.inputs}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in DEVICES}
    root = _COVERED
    kernel.mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    os.chdir(root)
    for name in ("proc", "dev", "tmp", "etc", "old"):
        Path(name).mkdir()
    options = f"size={plan.disk_mb}m,nr_inodes={_MAX_INODES},mode=1777"
    kernel.mount("tmpfs", f"{root}{_COVERED}", "tmpfs", MS_NOSUID | MS_NODEV, options)
    folder = f"{root}{_COVERED}/{FOLDER}"
    Path(folder).mkdir()
    Path(folder).chmod(0o777)  # nobody else is in here
    for source in sources:
        _place(root, source)
    for name, handle in inputs.items():
        _make_folders(folder, name)
        _bind(handle, f"{folder}/{name}")
    for name, handle in devices.items():
        _touch(f"dev/{name}")
        kernel.mount(f"/proc/self/fd/{handle}", f"{root}/dev/{name}", None, MS_BIND)
        os.close(handle)
    Path("dev/shm").symlink_to("/tmp")  # noqa: S108 - POSIX semaphores need one; it counts as disk of the session
    _name_user()
    kernel.syscall(155 if kernel.MACHINE == "x86_64" else 41, b".", b"old", call="pivot_root")
    os.chdir("/")


def _open_sources(paths: tuple[str, ...]) -> list[_Source]:
    sources: list[_Source] = []
    for path in paths:
        if any(path.startswith(outer.path + "/") for outer in sources if outer.link is None):
            continue
        if Path(path).is_symlink() and path.count("/") <= 2:  # noqa: PLR2004 - /lib and /etc/localtime stay links
            sources.append(_Source(path=path, link=str(Path(path).readlink())))
        else:
            sources.append(_Source(path=path, handle=os.open(path, os.O_PATH | os.O_CLOEXEC)))
    return sources


def _place(root: str, source: _Source) -> None:
    target = root + source.path
    if source.link is None:
        _bind(source.handle, target)
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).symlink_to(source.link)


def _make_folders(folder: str, name: str) -> None:
    """Make the folders on the way to a name, where code may make more of them."""
    for part in name.split("/")[:-1]:
        folder = f"{folder}/{part}"
        Path(folder).mkdir(exist_ok=True)
        Path(folder).chmod(0o777)


def _bind(handle: int, target: str) -> None:
    """Show what a handle leads to at a path, for reading only, and close the handle."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        _touch(target)
    kernel.mount(f"/proc/self/fd/{handle}", target, None, MS_BIND | MS_REC)
    _make_readonly(target)
    os.close(handle)


def _make_readonly(target: str) -> None:
    attributes = struct.pack("=4Q", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    path = os.fsencode(target)
    try:
        kernel.syscall(
            _MOUNT_SETATTR,
            -100,
            path,
            _AT_RECURSIVE,
            attributes,
            ctypes.c_size_t(len(attributes)),
            call="mount_setattr",
        )
    except OSError as failure:
        if failure.errno != errno.ENOSYS:
            raise
        flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | _locked_flags(target)
        kernel.mount(None, target, None, flags)


def _locked_flags(target: str) -> int:
    # A user namespace may not take away what the mount already has.
    has = os.statvfs(target).f_flag
    pairs = (
        (MS_NOEXEC, MS_NOEXEC),
        (_ST_NOATIME, _MS_NOATIME),
        (_ST_NODIRATIME, _MS_NODIRATIME),
        (_ST_RELATIME, _MS_RELATIME),
    )
    return sum(flag for bit, flag in pairs if has & bit)


def _mount_proc() -> str | None:
    try:
        kernel.mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as failure:
        if failure.errno not in (errno.EPERM, errno.EACCES):
            raise
        return describe_refusal(failure)  # a container that masks parts of /proc; code can do without
    return None


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _name_user() -> None:
    uid, gid = os.geteuid() or 65534, os.getegid() or 65534
    for name, text in (("passwd", f"nobody:x:{uid}:{gid}::/tmp:/bin/false\n"), ("group", f"nogroup:x:{gid}:\n")):
        Path(f"etc/{name}").write_text(text, encoding="ascii")

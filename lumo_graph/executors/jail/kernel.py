"""System calls that the standard library has no function for. Failures are OSErrors that name the call."""

import ctypes
import os
import sys

MACHINE = os.uname().machine
LINUX = sys.platform == "linux"
KNOWN_MACHINE = MACHINE in ("x86_64", "aarch64")

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, call: str) -> int:
    """Make a system call by its number; `call` names it in errors."""
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), call)


def prctl(option: int, value: int = 0) -> None:
    """Set one attribute of this process."""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl({option})")


def unshare(flags: int) -> None:
    """Give this process namespaces of its own."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a filesystem, bind a path, or change the flags of a mount."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    result = _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    _checked(result, f"mount {target}")


def detach(target: str) -> None:
    """Unmount a tree as soon as nothing uses it."""
    _checked(_libc.umount2(os.fsencode(target), 2), f"umount {target}")


def set_capabilities(header: bytes, data: bytes) -> None:
    """Set the capability sets of this thread."""
    _checked(_libc.capset(header, data), "capset")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def install_filter(program: bytes) -> None:
    """Install a seccomp filter for this process and everything it starts."""
    instructions = ctypes.create_string_buffer(program, len(program))
    described = _Program(len(program) // 8, ctypes.addressof(instructions))
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(described), zero, zero), "seccomp")


def install_asking_filter(program: bytes) -> int:
    """Install a seccomp filter that asks about some calls; returns the descriptor by which another process answers."""
    instructions = ctypes.create_string_buffer(program, len(program))
    described = _Program(len(program) // 8, ctypes.addressof(instructions))
    number = 317 if MACHINE == "x86_64" else 277
    return syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(described), call="seccomp")

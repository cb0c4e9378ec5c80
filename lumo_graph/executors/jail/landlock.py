"""Landlock: the files this process may touch, decided by the kernel for it and everything it starts."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from lumo_graph.executors.jail import kernel
from lumo_graph.executors.jail.plan import DEVICES, LANDLOCK, LayerError

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_SCOPE_SIGNALS_SINCE = 6
_NETWORK_SINCE = 4


def version() -> int:
    """Version of Landlock in this kernel; 0 without it."""
    if not (kernel.LINUX and kernel.KNOWN_MACHINE):
        return 0
    try:
        return _ask_version()
    except OSError:
        return 0


def _ask_version() -> int:
    return kernel.syscall(_CREATE, None, ctypes.c_size_t(0), 1, call="landlock_create_ruleset")


def scopes_signals() -> bool:
    """Whether Landlock here keeps a process from signalling those outside."""
    return version() >= _SCOPE_SIGNALS_SINCE


def restrict(*, readable: Iterable[str], writable: str) -> None:
    """Leave this process only `readable` to read, `writable` to work in, and the harmless devices.

    Raises:
        LayerError: the kernel has no Landlock, or refuses.
    """
    if not (kernel.LINUX and kernel.KNOWN_MACHINE):
        raise LayerError(LANDLOCK, f"not supported on {os.uname().sysname} {kernel.MACHINE}")
    try:
        _restrict(_ask_version(), readable, writable)
    except OSError as failure:
        raise LayerError.from_refusal(LANDLOCK, failure) from failure


def _restrict(abi: int, readable: Iterable[str], writable: str) -> None:
    handled = _handled(abi)
    network = 3 if abi >= _NETWORK_SINCE else 0
    scopes = 3 if abi >= _SCOPE_SIGNALS_SINCE else 0
    size = 24 if scopes else 16 if network else 8
    attributes = struct.pack("=QQQ", handled, network, scopes)
    rules = kernel.syscall(_CREATE, attributes, ctypes.c_size_t(size), 0, call="landlock_create_ruleset")
    try:
        for path in readable:
            _allow(rules, path, (_READ_FILE | _READ_DIR) & handled)
        for name in DEVICES:
            _allow(rules, f"/dev/{name}", (_READ_FILE | _WRITE_FILE) & handled)
        _allow(rules, writable, handled & ~(_EXECUTE | _MAKE_CHAR | _MAKE_BLOCK))
        kernel.syscall(_RESTRICT, rules, 0, call="landlock_restrict_self")
    finally:
        os.close(rules)


def _handled(abi: int) -> int:
    added = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
    return _REFER - 1 | sum(right for since, right in added if abi >= since)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be reached needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _ON_FILES
        kernel.syscall(_ADD, rules, 1, struct.pack("=Qi", rights, handle), 0, call=f"landlock_add_rule {path}")
    finally:
        os.close(handle)

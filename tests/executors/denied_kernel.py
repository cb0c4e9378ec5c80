"""Kernels that deny things, for real: a seccomp filter around a test's process, and around all that it starts.

The filter is made here, by itself: what it denies is not what the jail's own filter says.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Mapping

_MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
_NUMBERS: Mapping[str, tuple[int, int]] = {
    "clone": (56, 220), "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "mount_setattr": (442, 442), "prctl": (157, 167),
    "seccomp": (317, 277), "setresuid": (117, 147), "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}  # fmt: skip
_NAMESPACE_FLAGS = 0x7E02_0000
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUALS, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF_0000, 0x0005_0000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
_CONTAINER = dict.fromkeys(("unshare", "setns", "mount", "umount2", "pivot_root", "mount_setattr"), errno.EPERM)
DENIALS: Mapping[str, Mapping[str, int]] = {
    "namespaces": {**_CONTAINER, "clone": errno.EPERM, "clone3": errno.ENOSYS},
    "mount": {"mount": errno.EPERM},
    "pivot_root": {"pivot_root": errno.EPERM},
    "landlock": dict.fromkeys(_LANDLOCK, errno.ENOSYS),
    "landlock at boot": dict.fromkeys(_LANDLOCK, errno.EOPNOTSUPP),
    "seccomp": {"seccomp": errno.EPERM, "prctl": errno.EPERM},
    "another user": {"setresuid": errno.EPERM},
    "namespaces for now": {"unshare": errno.EAGAIN},
}
"""What a kernel may deny: system calls with the error that each fails with.

`namespaces` is what a container with the usual profile does; `landlock` is a kernel older than it, `landlock at boot`
one that has it switched off. Of `clone` only calls that ask for a namespace fail, of `prctl` only those for a filter.
"""


def deny(*names: str) -> None:
    """Have the kernel deny things to this process from now on, and to all that it starts."""
    denied = {call: number for name in names for call, number in DENIALS[name].items()}
    machine, architecture = _MACHINES[os.uname().machine]
    program = [_op(_LOAD, _ARCHITECTURE), _op(_EQUALS, architecture, 1, 0), _op(_RETURN, _ALLOW), _op(_LOAD, _NUMBER)]
    for call, number in denied.items():
        body = [_op(_RETURN, _FAIL | number)]
        if call == "clone":
            body = [_op(_LOAD, _FIRST_ARGUMENT), _op(_ANY_BIT, _NAMESPACE_FLAGS, 0, 1), *body, _op(_RETURN, _ALLOW)]
        elif call == "prctl":
            body = [_op(_LOAD, _FIRST_ARGUMENT), _op(_EQUALS, _SET_SECCOMP, 0, 1), *body, _op(_RETURN, _ALLOW)]
        program += [_op(_EQUALS, _NUMBERS[call][machine], 0, len(body)), *body]
    _install(b"".join([*program, _op(_RETURN, _ALLOW)]))


def _op(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _install(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    described = _Program(len(program) // 8, program)
    zero = ctypes.c_ulong(0)
    for option, value, more in (
        (_NO_NEW_PRIVS, ctypes.c_ulong(1), zero),
        (_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(described)),
    ):
        if libc.prctl(option, value, more, zero, zero) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

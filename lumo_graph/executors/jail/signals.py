"""Signals that the code of a session wants to send: seccomp asks process 1 of the session whether it may."""

import fcntl
import os
import re
import struct
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lumo_graph.executors.jail import kernel, seccomp

_RECEIVE, _SEND = 0xC050_2100, 0xC018_2101
_QUESTION = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_CONTINUE = 1
_EPERM = -1
_SINCE = (5, 5)
_RELEASE = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A system call that waits for an answer."""

    id: int
    call: int
    arguments: tuple[int, ...]


def ask_about_signals() -> int:
    """Let this process and everything it starts send signals only with permission.

    Returns:
        The descriptor on which another process is asked.

    Raises:
        OSError: the kernel cannot ask, or somebody outside is being asked already.
    """
    release = _RELEASE.match(os.uname().release)
    if release is None or (int(release[1]), int(release[2])) < _SINCE:
        raise OSError(0, "Linux 5.5 or newer is needed")
    machine = 0 if kernel.MACHINE == "x86_64" else 1
    return kernel.install_asking_filter(seccomp.build_signal_filter(machine=machine))


def is_allowed(question: Question, protected: AbstractSet[int]) -> bool:
    """Whether a signal may be sent: never to everybody, to a protected process, or to the group one leads."""
    targets = [_as_int(question.arguments[0])]
    if question.call in seccomp.thread_signal_calls(machine=0 if kernel.MACHINE == "x86_64" else 1):
        targets.append(_as_int(question.arguments[1]))
    return not any(target == -1 or abs(target) in protected for target in targets)


def receive(listener: int) -> Question | None:
    """The next question; None if whoever asked is gone."""
    data = bytearray(_QUESTION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, data)
    except OSError:
        return None
    number, _, _, call, _, _, *arguments = _QUESTION.unpack(data)
    return Question(id=number, call=call, arguments=tuple(arguments))


def answer(listener: int, question: Question, *, allowed: bool) -> None:
    """Let a call go on, or make it fail with EPERM."""
    reply = _ANSWER.pack(question.id, 0, 0 if allowed else _EPERM, _CONTINUE if allowed else 0)
    try:
        fcntl.ioctl(listener, _SEND, reply)
    except OSError:
        return  # whoever asked was killed meanwhile


def _as_int(register: int) -> int:
    low = register & 0xFFFF_FFFF
    return low - (1 << 32) if low & 0x8000_0000 else low

"""Giving up every privilege: the user, the capabilities, and the way back to them."""

import contextlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from lumo_graph.executors.jail import kernel
from lumo_graph.executors.jail.namespaces import map_identity
from lumo_graph.executors.jail.plan import NOBODY, PRIVILEGES, LayerError, Plan, describe_refusal

_CAPABILITY_VERSION = 0x2008_0522
_SIGKILL = 9


def drop(plan: Plan, *, private_root: bool) -> str | None:
    """Become nobody (as root), without capabilities and with no way to gain any.

    Args:
        plan: what must stay readable.
        private_root: the session stands on a root of its own, where nobody can read everything it needs.

    Returns:
        Why the session has no user namespace of its own; None if it has one.

    Raises:
        LayerError: privileges would be left, or the interpreter would be out of reach without them.
    """
    if not kernel.LINUX:
        raise LayerError(PRIVILEGES, f"not supported on {os.uname().sysname}")
    try:
        has_user_namespace = private_root and os.geteuid() != 0
        if os.geteuid() == 0:
            if not private_root and (blocked := first_unreachable(plan.readable)):
                raise LayerError(
                    PRIVILEGES, f"Python is out of reach for all but root: {blocked!r} is closed to others"
                )
            _become_nobody()
        shared = None if has_user_namespace else _own_user_namespace()
        _drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        # A change of user clears it.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, _SIGKILL)
    except OSError as failure:
        raise LayerError.from_refusal(PRIVILEGES, failure) from failure
    return shared


def _become_nobody() -> None:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError as failure:
        raise OSError(failure.errno, f"change of user: {failure.strerror}") from failure


def _own_user_namespace() -> str | None:
    # Processes are counted per user and user namespace: without one of its own, sessions share one count.
    uid, gid = os.geteuid(), os.getegid()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # /proc/self/uid_map must be ours
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        map_identity(uid, gid)
    except OSError as failure:
        return describe_refusal(failure)
    return None


def _drop_capabilities() -> None:
    with contextlib.suppress(OSError):  # the first unknown number ends it, and so does having none to drop
        for capability in range(64):
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
    kernel.set_capabilities(struct.pack("=Ii", _CAPABILITY_VERSION, 0), struct.pack("=6I", *[0] * 6))


def first_unreachable(paths: Iterable[str]) -> str | None:
    """The first folder above these paths that not every user may enter; None if all of them may be reached."""
    for path in paths:
        for parent in Path(path).parents:
            if not parent.stat().st_mode & 0o001:
                return str(parent)
    return None

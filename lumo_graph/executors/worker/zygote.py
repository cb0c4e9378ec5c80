"""The process that sessions are forked from: fresh, scrubbed, with the wanted packages loaded."""

import codecs
import contextlib
import os
import signal
import socket
from array import array
from typing import Any

from lumo_graph.executors.frames import TO_HOST_CAP, Frames, pack
from lumo_graph.executors.jail.plan import readable_paths
from lumo_graph.executors.worker.guard import guard_session
from lumo_graph.executors.worker.packages import load_packages, share_pages
from lumo_graph.executors.worker.source import digest_source
from lumo_graph.executors.worker.starting import Ends

_DESCRIPTORS = 4
_READ = 1 << 16


def serve(descriptor: int, preload: list[str]) -> None:
    """Load packages, then fork a session whenever the host asks, until the host is gone.

    Args:
        descriptor: stream to the host.
        preload: modules to import first.
    """
    host = socket.socket(fileno=descriptor)
    if (failure := load_packages(preload)) is not None:
        host.sendall(pack(["failed", failure], TO_HOST_CAP))
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards need nobody to wait for them
    # Once, here: every session would look for them again, in memory of its own.
    readable_paths()
    codecs.lookup("ascii")
    share_pages()
    host.sendall(pack(["ready", digest_source()], TO_HOST_CAP))
    while (received := _receive(host)) is not None:
        _fork(host, *received)


def _receive(host: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    frames = Frames(TO_HOST_CAP)
    descriptors: list[int] = []
    while True:
        try:
            data, ancillary, _, _ = host.recvmsg(_READ, socket.CMSG_SPACE(_DESCRIPTORS * array("i").itemsize))
        except ConnectionError:
            return None
        if not data:
            return None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.extend(array("i", content))
        for message in frames.feed(data):
            return message[1], descriptors


def _fork(host: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    try:
        child = os.fork()
    except OSError as failure:
        host.sendall(pack(["failed", str(failure)], TO_HOST_CAP))
    else:
        if child == 0:
            try:
                data, control, stdout, stderr = descriptors
                guard_session(request, Ends(data=data, control=control, stdout=stdout, stderr=stderr))
            finally:
                os._exit(0)
        host.sendall(pack(["forked", child], TO_HOST_CAP))
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)

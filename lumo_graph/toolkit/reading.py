"""Text out of foreign HTML and PDF, read by a jailed process of its own: it may hang, grow or be taken over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from langchain_core.tools import ToolException

from lumo_graph.executors.jail.plan import site_directories
from lumo_graph.executors.worker.environment import scrubbed_environment

_ROOT = str(Path(__file__).parents[2])
_MEMORY_MB = 768
MOST_CHARS = 1_000_000
_REPLY_BYTES = 64 * 1024 * 1024

# The packages that the host has, and our own code; nothing of the working directory.
_BOOT = """
import json, sys
order = json.loads(sys.argv[1])
sys.path[:] = [entry for entry in sys.path if entry not in order["sites"]] + order["sites"]
sys.path.insert(0, order["root"])
from lumo_graph.toolkit.reader import main
main(order)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What could be read of a page."""

    text: str
    """Markdown, or plain text."""
    title: str = ""
    note: str = ""
    """What was left out."""


async def read_document(kind: Literal["html", "pdf"], body: bytes, *, url: str, pages: int, seconds: float) -> Document:
    """Read HTML, given as UTF-8, or a PDF.

    Args:
        kind: which of the two.
        body: the content.
        url: where it came from; links that are relative start there.
        pages: the most pages of a PDF.
        seconds: how long it may take.

    Raises:
        ToolException: it cannot be read, or not in this time.
    """
    order = {"kind": kind, "url": url, "pages": pages, "ends": time.monotonic() + seconds, "memory_mb": _MEMORY_MB,
             "chars": MOST_CHARS, "root": _ROOT, "sites": site_directories()}  # fmt: skip
    # Files instead of pipes: nothing waits for anything, and the kernel keeps the reply from growing.
    with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as reply:
        content.write(body)
        content.seek(0)
        code = await _run(order, content, reply, seconds)
        reply.seek(0)
        return await asyncio.to_thread(_parse, reply.read(_REPLY_BYTES), code, kind)


async def _run(order: dict[str, Any], content: IO[bytes], reply: IO[bytes], seconds: float) -> int | None:
    """The exit code of the process; None if it had to be ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-s",
        "-c",
        _BOOT,
        json.dumps(order),
        stdin=content,
        stdout=reply,
        stderr=subprocess.DEVNULL,
        env=scrubbed_environment(),
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _parse(reply: bytes, code: int | None, kind: str) -> Document:
    """The best that the process has said: its last document, whatever befell it afterwards."""
    name = "PDF" if kind == "pdf" else "page"
    said = [found for line in reply.split(b"\n") if (found := _parse_line(line)) is not None]
    for found in reversed(said):
        if isinstance(found, Document):
            return found
    if said:
        raise ToolException(f"The {name} could not be read: {said[-1]}.")
    if code is None:
        raise ToolException(f"The {name} could not be read in time: it is too large or too complicated.")
    raise ToolException(f"The {name} could not be read: reading it broke off.")


def _parse_line(line: bytes) -> Document | str | None:
    """A document, the reason why there is none, or None for what is neither: the process may have been taken over."""
    try:
        said = cast("dict[str, Any]", json.loads(line))
        error, fields = said.get("error"), {name: said.get(name) for name in ("text", "title", "note")}
    except (ValueError, AttributeError, RecursionError):
        return None
    if isinstance(error, str):
        return error[:300]
    if not all(isinstance(value, str) for value in fields.values()):
        return None
    return Document(**cast("dict[str, str]", fields))

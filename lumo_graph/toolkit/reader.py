"""The process that reads foreign documents. It goes behind a jail before it looks at the first byte."""

import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

from lumo_graph.executors.jail import landlock, limits, seccomp
from lumo_graph.executors.jail.plan import LayerError, readable_paths

_REPLY_MB = 64
_FILES = 64
_LONGEST_FOR_EXTRACTION = 600_000
"""Characters of HTML. To find the main text of more takes longer than anyone waits: all of its text is taken."""


def main(order: dict[str, Any]) -> None:
    """Read the document on stdin as ordered, and write a JSON object to stdout: text, title, note, or error."""
    read = _make_reader(order["kind"])  # imports what reads it, while files can still be opened
    _enclose(order)
    try:
        said = read(sys.stdin.buffer.read(), order)
    except RecursionError:
        said = {"error": "it is nested too deeply"}
    except MemoryError:
        said = {"error": "it needs too much memory"}
    except Exception as error:  # noqa: BLE001 - the libraries raise whatever they run into
        said = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()


def _enclose(order: dict[str, Any]) -> None:
    """No network, no files but Python's, no other processes, bounded memory and time: as far as the system has it."""
    signal.alarm(int(order["seconds"]) + 2)  # should the host be gone
    limits.limit_resources(memory_mb=order["memory_mb"], disk_mb=_REPLY_MB, files=_FILES)
    with suppress(LayerError):
        landlock.restrict(readable=readable_paths(), writable="/dev/null")
    with suppress(LayerError):
        seccomp.install(
            private_processes=False,
            private_network=False,
            private_files=False,
            scoped_signals=landlock.scopes_signals(),
        )
        seccomp.install_alone()


def _make_reader(kind: str) -> Callable[[bytes, dict[str, Any]], dict[str, str]]:
    if kind == "pdf":
        import pypdf  # noqa: PLC0415 - an extra, and only one of the two is needed

        return lambda body, order: _read_pdf(pypdf, body, order)
    import trafilatura  # noqa: PLC0415 - same

    return lambda body, order: _read_html(trafilatura, body, order)


def _read_html(trafilatura: Any, body: bytes, order: dict[str, Any]) -> dict[str, str]:
    page = body.decode("utf-8", "replace")
    tree = trafilatura.load_html(page)
    if tree is None:
        return {"text": page if "<" not in page else "", "title": "", "note": ""}
    title = " ".join(str(tree.findtext(".//title") or "").split())
    text, note = "", "all text of the page: it is too long to tell what is the main text"
    if len(page) <= _LONGEST_FOR_EXTRACTION:
        text = trafilatura.extract(
            page,
            url=order["url"],
            output_format="markdown",
            include_links=True,
            include_tables=True,
            include_comments=False,
        )
        note = "" if text else "all text of the page: no main text was found"
    text = text or trafilatura.html2txt(page)
    return {"text": text[: order["chars"]], "title": title, "note": note}


def _read_pdf(pypdf: Any, body: bytes, order: dict[str, Any]) -> dict[str, str]:
    reader = pypdf.PdfReader(BytesIO(body), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        return {"error": "it needs a password"}
    count = len(reader.pages)
    texts: list[str] = []
    size = 0
    for number in range(min(count, order["pages"])):
        text = f"[page {number + 1}]\n{reader.pages[number].extract_text().strip()}"
        texts.append(text)
        size += len(text)
        if size > order["chars"]:
            break
    title = str(getattr(reader.metadata, "title", None) or "")
    note = f"pages 1 to {len(texts)} of {count}" if len(texts) < count else ""
    return {"text": "\n\n".join(texts)[: order["chars"]], "title": title, "note": note}

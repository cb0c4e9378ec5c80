"""The process that reads foreign documents. It goes behind a jail before it looks at the first byte.

It says what it has so far as soon as it has something: whoever waits may not wait for more.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

from lumo_graph.executors.jail import landlock, limits, seccomp
from lumo_graph.executors.jail.plan import LayerError, readable_paths

_REPLY_MB = 64
_FILES = 64
_GRACE_SECONDS = 2
_LONGEST_FOR_EXTRACTION = 1_000_000
"""Characters of HTML. To find the main text of more takes longer than anyone waits."""
_SAYING_SECONDS = 0.5


def main(order: dict[str, Any]) -> None:
    """Read the document on stdin as ordered, and write JSON objects to stdout, each on a line and better than the last.

    They hold text, title and note, or an error.
    """
    read = _make_reader(order["kind"])  # imports what reads it, while files can still be opened
    _enclose(order)
    try:
        for said in read(sys.stdin.buffer.read(), order):
            _say(said)
    except RecursionError:
        _say({"error": "it is nested too deeply"})
    except MemoryError:
        _say({"error": "it needs too much memory"})
    except Exception as error:  # noqa: BLE001 - the libraries raise whatever they run into
        _say({"error": f"{type(error).__name__}: {str(error)[:200]}"})


def _say(said: dict[str, str]) -> None:
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


def _enclose(order: dict[str, Any]) -> None:
    """No network, no files but Python's, no other processes, bounded memory and time: as far as the system has it."""
    # The clock is the host's as well. Should the host be gone that would end this process, this does.
    signal.setitimer(signal.ITIMER_REAL, max(0.01, order["ends"] - time.monotonic()) + _GRACE_SECONDS)
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


def _make_reader(kind: str) -> Callable[[bytes, dict[str, Any]], Iterator[dict[str, str]]]:
    if kind == "pdf":
        import pypdf  # noqa: PLC0415 - an extra, and only one of the two is needed

        return lambda body, order: _read_pdf(pypdf, body, order)
    import trafilatura  # noqa: PLC0415 - same

    return lambda body, order: _read_html(trafilatura, body, order)


def _read_html(trafilatura: Any, body: bytes, order: dict[str, Any]) -> Iterator[dict[str, str]]:
    page = body.decode("utf-8", "replace")
    tree = trafilatura.load_html(page)
    if tree is None:
        yield {"text": page if "<" not in page else "", "title": "", "note": ""}
        return
    title = " ".join(str(tree.findtext(".//title") or "").split())
    everything = {"text": trafilatura.html2txt(page)[: order["chars"]], "title": title}
    yield {**everything, "note": "all text of the page: it is too long to tell what is the main text"}
    if len(page) > _LONGEST_FOR_EXTRACTION:
        return
    text = trafilatura.extract(
        page,
        url=order["url"],
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=False,
    )
    if text:
        yield {"text": text[: order["chars"]], "title": title, "note": ""}
    else:
        yield {**everything, "note": "all text of the page: no main text was found"}


def _read_pdf(pypdf: Any, body: bytes, order: dict[str, Any]) -> Iterator[dict[str, str]]:
    reader = pypdf.PdfReader(BytesIO(body), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        yield {"error": "it needs a password"}
        return
    title = str(getattr(reader.metadata, "title", None) or "")
    count = len(reader.pages)
    texts: list[str] = []
    size, said = 0, time.monotonic()

    def so_far() -> dict[str, str]:
        note = f"pages 1 to {len(texts)} of {count}" if len(texts) < count else ""
        return {"text": "\n\n".join(texts)[: order["chars"]], "title": title, "note": note}

    for number in range(min(count, order["pages"])):
        texts.append(f"[page {number + 1}]\n{reader.pages[number].extract_text().strip()}")
        size += len(texts[-1])
        if size > order["chars"]:
            break
        if time.monotonic() - said > _SAYING_SECONDS:
            yield so_far()
            said = time.monotonic()
    yield so_far()

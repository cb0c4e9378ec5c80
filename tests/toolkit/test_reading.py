"""Foreign documents are read by a process that can do nothing else, and that ends."""

import asyncio
import re
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from langchain_core.tools import ToolException

from lumo_graph.executors.jail import landlock
from lumo_graph.toolkit.reading import Document, read_document
from tests.toolkit.documents import ARTICLE, pdf, pdf_bomb, pdf_going_round, pdf_of_endless_work, pdf_of_slow_pages
from tests.watching import processes_below


def read(kind, body, *, pages=50, seconds=60.0):
    body = body.encode("utf-8", "replace") if isinstance(body, str) else body
    return asyncio.run(read_document(kind, body, url="https://lamps.example/on", pages=pages, seconds=seconds))


# -- HTML -------------------------------------------------------------------------------------------------------------


def test_the_main_text_of_a_page_is_markdown_with_links_that_lead_somewhere():
    assert read("html", ARTICLE) == snapshot(
        Document(
            text="""\
# On Lamps

A lamp is a thing that gives light where there was none, and people have had them for a very long time.

Read [more about wicks](https://lamps.example/more), which are what carries the oil upwards into the flame of the lamp.

| Lamp | Lumen |\x20
|---|---|
| Candle | 12 |\
""",
            title="On Lamps & Light",
        )
    )


def test_a_page_without_a_main_text_gives_all_of_its_text():
    found = read("html", "<html><body><ul><li>12:30</li><li>13:45</li></ul></body></html>")
    assert found.text.split() == ["12:30", "13:45"]


def test_a_page_without_text_gives_none():
    assert read("html", "<html><body><script>draw()</script><canvas></canvas></body></html>").text == ""
    assert read("html", "").text == ""


def test_a_page_too_long_to_look_for_its_main_text_is_read_whole():
    body = "<html><body>" + "<p>word and word</p>" * 60_000 + "</body></html>"
    found = read("html", body)
    assert "too long" in found.note
    assert found.text.count("word and word") == 60_000


def test_a_page_whose_main_text_takes_too_long_to_find_is_read_whole():
    body = (
        "<html><body><article>" + "<p>A <a href='/x'>link</a> and a few more words.</p>" * 11_000 + "</article></body>"
    )
    found = read("html", body * 2, seconds=5)
    assert "too long" in found.note
    assert found.text.count("a few more words") > 10_000


def test_of_a_pdf_that_takes_too_long_the_pages_so_far_are_read():
    found = read("pdf", pdf_of_slow_pages(1000), pages=1000, seconds=10)
    assert re.fullmatch(r"pages 1 to \d+ of 1000", found.note)
    assert found.text.startswith("[page 1]\na")


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 200_000,
        "<table><tr><td>" * 20_000,
        "<a href='" + "x" * 3_000_000 + "'>y</a>",
        "<" * 500_000,
        "<!--" * 100_000,
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><p>&b;&b;</p>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><html><body><p>&f;</p></body></html>',
        "\x00" * 100_000,
        "<p>" + "\U0001f600" * 100_000,
    ],
    ids=["deep", "deep tables", "long attribute", "brackets", "comments", "entities", "files", "nulls", "emoji"],
)
def test_a_hostile_page_is_text_or_an_error_within_its_time(page):
    try:
        text = read("html", page, seconds=30).text
    except ToolException as error:
        text = str(error)
    assert "root:" not in text


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<table>", "<td>", "&amp;", "<!--", "]]>", "<svg>", "é", "\x00", "text "]),
        max_size=80,
    ).map("".join)
)
def test_whatever_looks_like_html_is_text_or_an_error(page):
    try:
        assert isinstance(read("html", page).text, str)
    except ToolException as error:
        assert "could not be read" in str(error)  # noqa: PT017 - either is right


# -- PDF --------------------------------------------------------------------------------------------------------------


def test_the_text_of_a_pdf_comes_page_by_page():
    assert read("pdf", pdf("First page.", "Second page.", title="Two")) == snapshot(
        Document(
            text="""\
[page 1]
First page.

[page 2]
Second page.\
""",
            title="Two",
        )
    )


def test_only_so_many_pages_of_a_pdf_are_read():
    found = read("pdf", pdf(*(f"Page {number}." for number in range(9))), pages=2)
    assert found.note == "pages 1 to 2 of 9"
    assert "Page 1." in found.text
    assert "Page 2." not in found.text


def test_a_pdf_with_a_password_says_so():
    from io import BytesIO

    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf("Secret."))))
    writer.encrypt("password", algorithm="AES-256")
    locked = BytesIO()
    writer.write(locked)
    with pytest.raises(ToolException, match="The PDF could not be read: it needs a password"):
        read("pdf", locked.getvalue())


@pytest.mark.parametrize("body", [b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\xff" * 5000, pdf("Cut.")[:200]])
def test_a_broken_pdf_is_an_error(body):
    with pytest.raises(ToolException, match="The PDF could not be read"):
        read("pdf", body)


@pytest.mark.parametrize("make", [pdf_of_endless_work, pdf_going_round, lambda: pdf_bomb(300_000_000)])
def test_a_hostile_pdf_ends_within_its_time(make):
    body = make()
    begun = time.monotonic()
    try:
        read("pdf", body, seconds=4)
    except ToolException as error:
        assert "PDF could not be read" in str(error)  # noqa: PT017 - text would be fine, too
    assert time.monotonic() - begun < 30


def test_a_document_that_takes_too_long_is_given_up_and_its_process_is_gone():
    import os

    before = processes_below(os.getpid())
    with pytest.raises(ToolException, match="could not be read in time"):
        read("pdf", pdf_of_endless_work(), seconds=0.5)
    assert processes_below(os.getpid()) == before


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_pdf_with_flipped_bytes_is_text_or_an_error(data):
    body = bytearray(pdf("Some text.", "And some more."))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(9, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(read("pdf", bytes(body)).text, str)
    except ToolException as error:
        assert "PDF could not be read" in str(error)  # noqa: PT017 - either is right


# -- what the process can do ------------------------------------------------------------------------------------------

_ATTACK = """
import os, socket, sys, time
from lumo_graph.toolkit.reader import _enclose
victim = os.getppid()
_enclose({"ends": time.monotonic() + 30, "memory_mb": 64})
def refused(act):
    try:
        act()
    except (OSError, MemoryError):
        return
    print(act.__name__, "was possible")
def read_a_file(): open("/etc/passwd").read()
def read_the_hosts_environment(): open(f"/proc/{victim}/environ").read()
def list_a_folder(): os.listdir("/home")
def write_a_file(): open(sys.argv[1], "w").write("x")
def connect(): socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2)
def send_a_datagram(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53))
def run_a_program(): os.execv("/bin/sh", ["sh", "-c", "echo a program"])
def signal_the_host(): os.kill(victim, 0)
def start_a_process(): os._exit(0) if os.fork() == 0 else None
def start_a_thread():
    try:
        __import__("threading").Thread(target=print, args=("a thread",)).start()
    except RuntimeError as error:
        raise OSError from error
def take_all_memory(): bytearray(1 << 30)
for act in (read_a_file, read_the_hosts_environment, list_a_folder, write_a_file, connect, send_a_datagram,
            run_a_program, signal_the_host, start_a_process, start_a_thread, take_all_memory):
    refused(act)
print("done")
"""


@pytest.mark.skipif(not landlock.version(), reason="a kernel with Landlock")
def test_code_that_took_the_reader_over_reaches_no_file_no_network_and_no_program(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = [str(tmp_path / "written"), str(server.getsockname()[1])]
        found = subprocess.run(
            [sys.executable, "-c", _ATTACK, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
    assert (found.stdout, found.returncode) == ("done\n", 0), found.stderr


def test_the_reader_has_nothing_of_the_hosts_environment(monkeypatch):
    from lumo_graph.executors.worker.environment import scrubbed_environment

    monkeypatch.setenv("EXA_API_KEY", "a-secret")
    assert "a-secret" not in scrubbed_environment().values()


def test_a_reply_that_is_no_reply_is_an_error():
    from lumo_graph.toolkit.reading import _parse

    deep = b"[" * 100_000
    for reply in (b"", b"{", b"[]", b'{"text": 1}', b'{"text": "a", "title": []}', b"null", b"\xff", deep, b"\n" * 9):
        with pytest.raises(ToolException, match="could not be read"):
            _parse(reply, 0, "html")


def test_the_last_whole_reply_counts():
    from lumo_graph.toolkit.reading import _parse

    first, last = b'{"text": "a", "title": "", "note": ""}', b'{"text": "b", "title": "", "note": ""}'
    assert _parse(first + b"\n" + last, None, "html").text == "b"
    assert _parse(first + b"\n" + last[:-9], None, "html").text == "a"
    assert _parse(first + b'\n{"error": "too deep"}\n', 0, "html").text == "a"

"""The questions of `lumo run` at a real terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from lumo_graph.cli import main
from tests.watching import until

RUN = ("run", "Double 21", "--agent-type", "code-agent", "--thread", "t")
OPTIONS = ("--model", "models.py:code", "--tools", "mytools.py", "--interrupt-on")
MENU = "[a]pprove, [e]dit, [r]eject, re[s]pond, [l]ater?"
# The child makes the terminal its own, so that Ctrl-C reaches it.
OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
EDITOR = """\
import sys
from pathlib import Path
file = Path(sys.argv[3])
file.write_text(file.read_text().replace(sys.argv[1], sys.argv[2]) if sys.argv[1] else sys.argv[2])
"""
TOGETHER = """
from langchain_core.messages import AIMessage
from lumo_graph.testing import ScriptedModel
CALLS = [{"name": "double", "args": {"n": n}, "id": str(n)} for n in (1, 2)]
both = ScriptedModel(replies=[AIMessage("", tool_calls=CALLS), "Done."])
"""


class Terminal:
    """The command at a terminal: what a person sees, and what a person types."""

    def __init__(self, environment, *args):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 120, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWN, sys.executable, "-m", "lumo_graph.cli", *args],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def expect(self, text):
        """Wait until the text is on the screen; what stood before it."""
        last = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < last, f"{text!r} never came; there was {self.seen[-3000:]!r}"
            self._read()
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        """Type a line."""
        os.write(self._ours, text.encode())

    def is_waiting(self):
        """Whether the command sleeps until something is typed."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"

    def end(self):
        """What is left on the screen, and the exit code."""
        while self._read():
            pass
        return self.seen, self._process.wait(60)

    def _read(self):
        if not select.select([self._ours], [], [], 60)[0]:
            return False
        try:
            raw = os.read(self._ours, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode(errors="replace")).replace("\r\n", "\n")
        return bool(raw)


@pytest.fixture
def terminal(folder, environment):
    (folder / "editor.py").write_text(EDITOR)
    opened = []

    def open_one(*args, editor=("", ""), **more):
        command = " ".join([sys.executable, str(folder / "editor.py"), *map(json.dumps, editor)])
        opened.append(Terminal({**environment, "EDITOR": command, **more}, *args))
        return opened[-1]

    yield open_one
    for one in opened:
        one.__exit__()


def test_a_call_is_asked_about_with_its_code_and_line_and_the_run_goes_on(terminal):
    screen = terminal(*RUN, *OPTIONS, "double")
    before = screen.expect(MENU)
    assert "double(n=21) waits: approve, edit, reject, respond" in before
    assert ">   1 x = double(21)" in before
    assert "go on:" not in before
    screen.type("a\n")
    screen.expect("double(n=21) -> 42")
    left, code = screen.end()
    assert ('"x": 42' in left, code) == (True, 0)


def test_other_answers_than_those_that_are_allowed_are_asked_again(terminal):
    screen = terminal(*RUN, *OPTIONS, "double")
    screen.expect(MENU)
    screen.type("x\n")
    screen.expect(MENU)
    screen.type("RESPOND\n")
    screen.expect("what the call returns")
    screen.type("half of it\n")
    screen.expect("x is half of it")
    assert screen.end()[1] == 0


def test_a_call_is_edited_in_an_editor(terminal):
    screen = terminal(*RUN, *OPTIONS, "double", editor=("21", "4"))
    screen.expect(MENU)
    screen.type("e\n")
    screen.expect("double(n=4) (edited) -> 8")
    screen.expect('"x": 8')
    assert screen.end()[1] == 0


@pytest.mark.parametrize(("written", "said"), [("{", "that is not JSON: "), ("[21]", "that is no JSON object: [21]")])
def test_an_edit_that_cannot_be_used_is_asked_again(terminal, written, said):
    screen = terminal(*RUN, *OPTIONS, "double", editor=("", written))
    screen.expect(MENU)
    screen.type("edit\n")
    screen.expect(said)
    screen.expect(MENU)
    screen.type("l\n")
    assert screen.end()[1] == 130


def test_an_edit_that_changes_nothing_is_an_approval(terminal):
    screen = terminal(*RUN, *OPTIONS, "double", editor=("nothing", "of this"))
    screen.expect(MENU)
    screen.type("e\n")
    screen.expect("double(n=21) -> 42")
    assert screen.end()[1] == 0


def test_an_editor_that_is_not_there_is_named(terminal):
    screen = terminal(*RUN, *OPTIONS, "double", VISUAL="no-such-editor")
    screen.expect(MENU)
    screen.type("e\n")
    screen.expect("no-such-editor")
    screen.expect(MENU)


def test_code_is_edited_as_code_and_rejected_with_a_reason(terminal):
    screen = terminal(*RUN, *OPTIONS, "python_interpreter", editor=("21", "5"))
    assert "x = double(21)" in screen.expect(MENU)
    screen.type("e\n")
    screen.expect("x is 10")
    screen.expect(MENU)
    screen.type("r\n")
    screen.expect("reason")
    screen.type("enough\n")
    screen.expect("A person did not let the code run: enough")


def test_each_call_of_a_wave_is_asked_about(terminal, folder):
    (folder / "together.py").write_text(TOGETHER)
    screen = terminal(
        "run", "go", "--model", "together.py:both", "--tools", "mytools.py", "--interrupt-on", "double"
    )  # fmt: skip
    for answer in ("a\n", "s\n"):
        assert "double(n=" in screen.expect(MENU)
        screen.type(answer)
    screen.expect("what the call returns")
    screen.type("four\n")
    screen.expect("-> four")
    assert screen.end()[1] == 0


@pytest.mark.parametrize(("keys", "code"), [("l\n", 130), ("\x04", 130), ("\x03", 130)], ids=["later", "eof", "ctrl-c"])
def test_a_decision_may_come_later(terminal, keys, code, capsys):
    screen = terminal(*RUN, *OPTIONS, "double")
    screen.expect(MENU)
    assert until(screen.is_waiting)  # a signal between a prompt and its read is lost in Python itself
    screen.type(keys)
    left, ended = screen.end()
    assert "lumo resume t --model models.py:code" in left
    assert ended == code
    main(["resume", "t", *OPTIONS, "double", "--respond", "later"])
    assert "x is later" in capsys.readouterr().out


def test_what_is_typed_answers_the_question_on_the_screen_and_not_one_that_was_asked_meanwhile(terminal, lumo):
    options = ("--model", "models.py:twice", *OPTIONS[2:], "double")
    screen = terminal(*RUN, *options)
    assert "double(n=1) waits" in screen.expect(MENU)
    assert "double(n=2) waits" in lumo("resume", "t", *options, "--approve").stdout
    screen.type("a\n")
    left, code = screen.end()
    assert ("does not wait in thread 't'" in left, code) == (True, 2)
    assert "double(n=2) waits" in lumo("resume", "t", *options).stdout


def test_resume_asks_too(terminal, capsys):
    assert main([*RUN, *OPTIONS, "double"]) == 130
    assert "--approve" in capsys.readouterr().out
    screen = terminal("resume", "t", *OPTIONS, "double")
    screen.expect(MENU)
    screen.type("approve\n")
    screen.expect("x is 42")

import io
import re

import pytest
from inline_snapshot import snapshot
from rich.console import Console

from lumo_graph.cli.terminal import TerminalView, rendered
from lumo_graph.cli.transcript import Block
from lumo_graph.events import Code, Output, Token
from tests.cli.events import RUN


def terminal(**options):
    return Console(file=io.StringIO(), force_terminal=True, width=80, legacy_windows=False, _environ={}, **options)


def shown(console, events):
    with TerminalView(console) as view:
        for event in events:
            view.show(event)
    return console.file.getvalue()


def without_codes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_run_on_a_terminal():
    console = Console(file=io.StringIO(), width=80, _environ={})
    text = shown(console, RUN)
    *lines, end = [line.rstrip() for line in text.rstrip().split("\n")]
    assert end.startswith("✓ answered · 3 steps · 3 model calls · 1,200 tokens in, 34 out · ")
    assert "\n".join(lines) == snapshot("""\
I look it up.

 ─ code · step 1 ──────────────────────────────────────────────────────────────
   1 print('before')
   2 d['b']
 ──────────────────────────────────────────────────────────────────────────────
  │ before
  error: KeyError on line 2
  'b'
  ✗ step 1 · failed with KeyError · 0.50 s

  debug: what the model is told
  Repair this: KeyError on line 2
  3 attempts are left.

I repair it.

 ─ code · step 2 ──────────────────────────────────────────────────────────────
   1 x = double(21)
   2 print('x is', x)
   3 x
 ──────────────────────────────────────────────────────────────────────────────
  → double(n=21) -> 42  2 ms
  │ x is 42
  value of the last expression (int):
  42
  ✓ step 2 · 1 tool call · 12 s

The answer is **42**.
  ✓ step 3

 ─ answer ─────────────────────────────────────────────────────────────────────
  {
    "x": 42
  }
 ──────────────────────────────────────────────────────────────────────────────
""")


def test_code_is_highlighted():
    text = shown(terminal(color_system="standard"), [Code(step=1, code="for x in y: pass")])
    assert "for x in y" not in text
    assert "for x in y" in without_codes(text)


def test_no_color_means_no_colour():
    text = shown(terminal(no_color=True, color_system="standard"), RUN)
    colours = re.findall(r"\x1b\[([0-9;]*)m", text)
    assert not [code for code in ";".join(colours).split(";") if code and int(code) >= 30]


@pytest.mark.parametrize(
    "kind", ["thought", "plan", "code", "call", "output", "observation", "debug", "step", "answer", "end"]
)
@pytest.mark.parametrize("text", ["[bold]x[/bold] [/] :smile: [link=file:///x]y[/link]"])
def test_markup_in_untrusted_text_stays_text(kind, text):
    console = terminal()
    console.print(rendered(Block(kind=kind, text=text, note="step 1" if kind == "code" else "")))
    assert text in " ".join(without_codes(console.file.getvalue()).split())


def test_escape_codes_in_untrusted_text_do_not_reach_the_terminal():
    hostile = "\x1b]0;owned\x07 \x1b[2J\n"
    text = shown(terminal(), [Token(text=hostile), Code(step=1, code=hostile), Output(stream="stdout", text=hostile)])
    assert "\x1b]0" not in text
    assert "\x1b[2J" not in text
    assert without_codes(text).count("\\x1b]0;owned") >= 3


def test_the_line_that_is_being_written_stands_below_and_goes_away():
    console = terminal()
    with TerminalView(console) as view:
        view.show(Token(text="I am in the mid"))
        console.file.truncate(0)
        view.show(Token(text="dle.\nNext"))
    text = without_codes(console.file.getvalue())
    assert "I am in the middle." in text
    assert text.rstrip().endswith("s")  # what is under way, cleared by the codes left out here

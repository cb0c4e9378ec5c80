import io

from inline_snapshot import snapshot

from lumo_graph.cli.plain import PlainView
from lumo_graph.events import Output, Token
from tests.cli.events import RUN


def printed(events):
    out = io.StringIO()
    with PlainView(out) as view:
        for event in events:
            view.show(event)
    return out.getvalue()


def test_a_run_as_plain_text():
    *lines, end = printed(RUN).rstrip("\n").split("\n")
    assert end.startswith("answered · 3 steps · 3 model calls · 1,200 tokens in, 34 out · ")
    assert "\n".join(lines) == snapshot("""\
I look it up.

[step 1]
    print('before')
    d['b']
  | before
  error: KeyError on line 2
  'b'
[step 1 · failed with KeyError · 0.50 s]

[debug: what the model is told]
  Repair this: KeyError on line 2
  3 attempts are left.

I repair it.

[step 2]
    x = double(21)
    print('x is', x)
    x
  > double(n=21) -> 42 (2 ms)
  | x is 42
  value of the last expression (int):
  42
[step 2 · 1 tool call · 12 s]

The answer is **42**.
[step 3]

[answer]
{
  "x": 42
}
""")


def test_there_are_no_control_characters_in_it():
    text = printed([Token(text="\x1b]0;x\x07\x1b[2J\n"), Output(stream="stderr", text="\x1b[31m10%\r20%\b\n")])
    assert [char for char in text if not char.isprintable() and char != "\n"] == []


def test_a_line_of_our_own_is_printed_as_it_is():
    out = io.StringIO()
    with PlainView(out) as view:
        view.say("thread t")
    assert out.getvalue() == "thread t\n"

"""A result in a notebook: what it says is there, and nothing of it is more than text or a picture."""

import base64
from html.parser import HTMLParser

from lumo_graph import RunResult, run
from lumo_graph.artifacts import Artifact
from lumo_graph.testing import ScriptedModel
from lumo_graph.types import Step, Usage

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EVIL = "</pre><script>alert(1)</script><img src=x onerror='alert(2)'>"


class Seen(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text += data


def test_a_run_is_shown_with_its_answer_its_steps_and_its_errors():
    replies = ["I try.\n```python\n1 / 0\n```", "```python\nprint('seen')\nfinal_answer({'a': 1})\n```"]
    seen = Seen(run("go", ScriptedModel(replies), agent_type="code-agent")._repr_html_())
    for text in ("answered", "2 steps", "{'a': 1}", "I try.", "1 / 0", "Step 1, ", "ZeroDivisionError", "seen"):
        assert text in seen.text, text
    assert seen.tags.count("details") == 2
    assert ("details", "open", None) in seen.attributes  # the one that failed


def test_nothing_that_a_model_or_its_code_says_becomes_markup():
    step = Step(number=1, thought=EVIL, code=EVIL, observation=EVIL, error=EVIL)
    files = (
        Artifact(name=EVIL, content=PNG),
        Artifact(name="a.svg", content=b"<svg onload='alert(3)'/>"),
        Artifact(name="b.png", content=EVIL.encode()),
    )
    result = RunResult(answer=EVIL, outcome="interrupted", steps=(step,), artifacts=files, pending=({"id": EVIL},))
    seen = Seen(result._repr_html_())
    assert set(seen.tags) == {"div", "b", "span", "pre", "img", "details", "summary"}
    assert seen.tags.count("img") == 1
    assert not [name for _, name, _ in seen.attributes if name.startswith("on")]
    assert [value[:22] for tag, name, value in seen.attributes if (tag, name) == ("img", "src")] == [
        "data:image/png;base64,"
    ]


def test_a_long_run_stays_short():
    steps = tuple(Step(number=at, code="x" * 100_000, observation="y" * 100_000) for at in range(1, 500))
    pictures = tuple(Artifact(name=f"{at}.png", content=PNG + bytes(1 << 20)) for at in range(100))
    shown = RunResult(answer="z" * 10**6, outcome="answered", steps=steps, usage=Usage(), artifacts=pictures)
    assert len(shown._repr_html_()) < 13_000_000
    assert Seen(shown._repr_html_()).tags.count("details") == 50

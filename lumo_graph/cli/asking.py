"""Ask the person at the terminal about the calls that wait."""

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text, TextType
from typing_extensions import override

from lumo_graph.cli.printable import one_line, printable

with suppress(ImportError):  # not every Python has it
    # With it a line can be edited. Without it one Ctrl-C in 100 is lost as a prompt appears.
    import_module("readline")

_CODE = "python_interpreter"
_SHOWN = 100
_KEYS = {"approve": "a", "edit": "e", "reject": "r", "respond": "s"}
_WORDS = {"approve": "[a]pprove", "edit": "[e]dit", "reject": "[r]eject", "respond": "re[s]pond"}
_LATER, _LATER_KEY, _LATER_WORD = "later", "l", "[l]ater"


class _Line(Prompt):
    """A prompt that the line editor knows of: it would write over any other."""

    @override
    @classmethod
    def get_input(cls, console: Console, prompt: TextType, password: bool, stream: TextIO | None = None) -> str:
        del password, stream
        console.file.flush()
        return input(str(prompt))


def ask(question: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask about every call of a question, which is on the screen already.

    Args:
        question: the value of the interrupt.

    Returns:
        One decision for each call; None if the person wants to decide later.
    """
    console = Console(markup=False, emoji=False, highlight=False)
    calls, reviews = question["action_requests"], question["review_configs"]
    decisions: list[dict[str, Any]] = []
    for call, review in zip(calls, reviews, strict=True):
        if len(calls) > 1:
            console.print(Text(one_line(_call_text(call), _SHOWN), style="bold"))
        decision = _ask_about(call, review["allowed_decisions"], console)
        if decision is None:
            return None
        decisions.append(decision)
    return {"decisions": decisions}


def _ask_about(call: Mapping[str, Any], allowed: Sequence[str], console: Console) -> dict[str, Any] | None:
    while True:
        try:
            choice = _choose(allowed, console)
            if choice == _LATER:
                return None
            if (decision := _decision(choice, call, console)) is not None:
                return decision
        except EOFError:
            console.print()
            return None


def _choose(allowed: Sequence[str], console: Console) -> str:
    words = ", ".join([*(_WORDS[name] for name in allowed), _LATER_WORD])
    names = {_KEYS[name]: name for name in allowed} | {name: name for name in allowed}
    names |= {_LATER_KEY: _LATER, _LATER: _LATER}
    given = _Line.ask(Text(f"{words}?"), choices=list(names), show_choices=False, case_sensitive=False, console=console)
    return names[given]


def _decision(choice: str, call: Mapping[str, Any], console: Console) -> dict[str, Any] | None:
    """The decision, with what it needs; None if there came nothing of it."""
    match choice:
        case "reject":
            reason = _Line.ask(Text("reason (may be empty)"), default="", show_default=False, console=console)
            return {"type": "reject", **({"message": reason} if reason else {})}
        case "respond":
            return {"type": "respond", "message": _Line.ask(Text("what the call returns"), console=console)}
        case "edit":
            args = _edited(call, console)
            return None if args is None else {"type": "edit", "edited_action": {"name": call["name"], "args": args}}
        case _:
            return {"type": "approve"}


def _edited(call: Mapping[str, Any], console: Console) -> dict[str, Any] | None:
    """The arguments as the person has changed them in an editor; None, and why, if they cannot be used."""
    is_code = call["name"] == _CODE and list(call["args"]) == ["code"]
    text = call["args"]["code"] if is_code else json.dumps(call["args"], indent=2, ensure_ascii=False, default=repr)
    try:
        found = _in_editor(text, ".py" if is_code else ".json")
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as failure:
        console.print(Text(printable(f"the editor failed: {failure}. EDITOR names another one."), style="red"))
        return None
    if is_code:
        return {"code": found}
    try:
        args = json.loads(found)
    except ValueError as failure:
        console.print(Text(printable(f"that is not JSON: {failure}"), style="red"))
        return None
    if not isinstance(args, dict):
        console.print(Text(printable(f"that is no JSON object: {one_line(found, _SHOWN)}"), style="red"))
        return None
    return cast("dict[str, Any]", args)


def _in_editor(text: str, suffix: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="lumo-") as folder:
        file = Path(folder, f"call{suffix}")
        file.write_text(text, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603 - the person's own editor
        return file.read_text(encoding="utf-8")


def _call_text(call: Mapping[str, Any]) -> str:
    args = ", ".join(f"{name}={value!r}" for name, value in call["args"].items())
    return f"{call['name']}({args})"

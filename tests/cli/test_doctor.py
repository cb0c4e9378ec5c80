import json
import os
import sys
from typing import get_type_hints

import pytest
from inline_snapshot import snapshot

from lumo_graph.cli import main
from lumo_graph.cli.diagnosis import Diagnosis, diagnose
from lumo_graph.cli.doctor import page
from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import TIERS, Isolation
from tests.users import USERS

TIER = ProcessExecutor(require="none").probe().tier

FOUND: Diagnosis = {
    "version": "1.2.3",
    "python": "3.12.1 CPython",
    "executable": "/usr/bin/python3",
    "platform": "Linux 6.8.0-40-generic x86_64",
    "user": "ordinary",
    "isolation": {"tier": "fs", "on": [], "off": {}, "open": []},
    "layers": [
        {
            "name": "namespaces",
            "on": False,
            "reason": "/proc/self/uid_map: Operation not permitted",
            "open": ["disk: only the size of a single file is limited", "processes: those of the machine can be seen"],
            "advice": "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        },
        {"name": "seccomp", "on": True, "reason": "", "open": [], "advice": ""},
        {"name": "frozen copy", "on": False, "reason": "code could destroy it", "open": [], "advice": ""},
    ],
    "always_open": ["the kernel is shared with the host"],
    "trial": {"value": 42, "error": "", "first_ms": 230.5, "next_ms": 20.1, "action_ms": 1.5},
    "extras": {"cli": {"rich": "14.0"}, "monty": {"pydantic-monty": None}},
    "packages": {"langgraph": "1.2.12", "msgpack": "1.1"},
    "storage": {"url": "sqlite:////home/me/runs.db", "writable": True, "reason": ""},
    "keys": ["OPENAI_API_KEY"],
    "tools": [
        {"name": "visit_website", "key": None, "set": True},
        {"name": "exa_search", "key": "EXA_API_KEY", "set": False},
    ],
    "require": None,
    "shortfall": "",
}


def test_the_page_is_one_that_a_person_can_act_on():
    assert "\n".join(page(FOUND)) == snapshot("""\
lumo-graph 1.2.3
  python     3.12.1 CPython · /usr/bin/python3
  platform   Linux 6.8.0-40-generic x86_64 · an ordinary user
  session    6 * 7 = 42 in 1.5 ms · the first session started in 230.5 ms, the next in 20.1 ms
  isolation  fs · files of the host are out of the code's reach; what else stays open stands below

  layer           is
  namespaces      off  why   /proc/self/uid_map: Operation not permitted
                       open  disk: only the size of a single file is limited
                             processes: those of the machine can be seen
                       do    as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
  seccomp         on
  frozen copy     off  why   code could destroy it
  open anyway          the kernel is shared with the host

  Sessions may also run where more is allowed, in a container for instance: ProcessExecutor(launch=[...]).

  packages   langgraph 1.2.12, msgpack 1.1
  [cli]      rich 14.0
  [monty]    pydantic-monty is missing · to have it: pip install 'lumo-graph[monty]'
  threads    sqlite:////home/me/runs.db · writable
  keys       OPENAI_API_KEY
  tools      visit_website · without a key: exa_search (EXA_API_KEY)\
""")


def test_lines_are_as_wide_as_the_terminal_and_keep_their_column():
    lines = list(page(FOUND, 80))
    assert max(map(len, lines)) <= 80
    assert "                       open  disk: only the size of a single file is limited" in lines
    assert "\n".join(lines).replace("\n", " ").split() == " ".join(page(FOUND)).split()


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_below_the_usual_one_says_that_code_is_refused(tier):
    text = "\n".join(page({**FOUND, "isolation": Isolation(tier=tier).to_dict()}))
    assert f"  isolation  {tier} · " in text
    assert ("refuse to run code here" in text) == (tier in ("best_effort", "none"))
    assert ("launch=" in text) == (tier != "full")
    assert ("not contained" in text) == (tier == "none")


def test_without_a_session_the_page_says_why():
    trial = {"value": None, "error": "it broke", "first_ms": None, "next_ms": None, "action_ms": None}
    text = "\n".join(page({**FOUND, "isolation": None, "layers": [], "always_open": [], "trial": trial}))
    assert "  session    does not work: it broke\n  isolation  not known: there was no session\n" in text


def test_the_page_and_the_data_say_the_same(folder, capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == get_type_hints(Diagnosis).keys()
    assert (found["trial"]["value"], found["trial"]["error"]) == (42, "")
    assert min(found["trial"][name] for name in ("first_ms", "next_ms", "action_ms")) > 0
    assert found["isolation"]["tier"] == TIER
    assert found["extras"]["cli"]["typer"] is not None
    assert found["packages"]["langgraph"] is not None
    assert found["storage"]["url"] == f"sqlite:///{folder}/state/lumo/runs.db"
    assert not (folder / "state").exists()
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    parts = (sys.executable, os.uname().release, f"isolation  {TIER} · ", "6 * 7 = 42 in ", found["storage"]["url"])
    assert [part for part in parts if part not in text] == []


def test_every_open_thing_is_in_its_place_once():
    found = diagnose()
    assert found["isolation"] is not None
    placed = [line for layer in found["layers"] for line in layer["open"]] + found["always_open"]
    assert sorted(placed) == sorted(found["isolation"]["open"])
    assert {layer["name"] for layer in found["layers"]} == {*found["isolation"]["on"], *found["isolation"]["off"]}


def test_keys_are_named_and_never_shown(folder, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    monkeypatch.setenv("GROQ_API_KEY", "")
    monkeypatch.setenv("EXA_API_KEY", "exa-hidden")
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "  keys       OPENAI_API_KEY\n" in text
    assert "exa_search, python_interpreter · without a key: " in text
    assert "tavily_search (TAVILY_API_KEY)" in text
    assert "hidden" not in text


def test_a_tier_that_is_reached_is_fine(folder, capsys):
    assert main(["doctor", "--require", TIER]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_tier_is_a_usage_error(folder, capsys):
    assert main(["doctor", "--require", "whole"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "lumo: require must be one of full, fs, best_effort, none, not 'whole'.\n")


DOCTOR = """
import sys
from tests.executors.denied_kernel import deny
deny("seccomp")
from lumo_graph.cli import main
print("exit code", main(["doctor", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a jail")
@pytest.mark.parametrize("json_lines", [False, True], ids=["page", "json"])
def test_a_tier_that_is_not_reached_fails_and_says_what_to_do(json_lines):
    script = f"import sys; sys.stderr = sys.stdout\n{DOCTOR}"
    options = ["--json"] if json_lines else []
    out = USERS["ordinary user"].run(script, "--require", "fs", *options)
    assert "lumo: Isolation 'fs' is required, but this machine gives 'best_effort'. No code was run.\n" in out
    assert "- seccomp: seccomp: Operation not permitted\n  To have it: in Docker: leave the usual" in out
    assert out.endswith("exit code 5\n")
    if json_lines:
        found = json.loads(out.splitlines()[0])
        assert (found["require"], found["trial"]["value"]) == ("fs", 42)
        assert found["shortfall"].startswith("Isolation 'fs' is required")
    else:
        assert "  seccomp         off  why   seccomp: Operation not permitted\n" in out


def test_the_doctor_comes_without_what_it_does_not_need(environment):
    import subprocess

    heavy = {"langgraph", "langchain_core", "rich"}
    script = f"import sys; from lumo_graph.cli import main; main(['doctor']); print({heavy} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "set()"

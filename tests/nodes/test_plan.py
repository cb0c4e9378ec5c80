"""Plans: before the first step, and again every so many steps, in both branches."""

import pytest
from langchain_core.messages import AIMessage

from lumo_graph import run, stream
from lumo_graph.cli import main
from lumo_graph.events import Plan, StepEnded
from lumo_graph.testing import ScriptedModel

LIMITS = {"max_steps": 8}


def look(what: str) -> str:
    """Look at something."""
    return f"{what} is there"


def replies(agent_type):
    if agent_type == "code-agent":
        acts = [f"```python\nprint(look('{number}'))\n```" for number in range(1, 5)]
        last = "```python\nfinal_answer('seen')\n```"
    else:
        acts = [
            AIMessage("", tool_calls=[{"name": "look", "args": {"what": str(number)}, "id": str(number)}])
            for number in range(1, 5)
        ]
        last = "seen"
    return ["Plan A", *acts[:2], "Plan B", *acts[2:], "Plan C", last]


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_plan_is_made_before_the_first_step_and_again_every_n_steps(agent_type):
    with ScriptedModel(replies(agent_type)) as model:
        events = list(stream("go", model, agent_type=agent_type, planning_interval=2, limits=LIMITS, tools=[look]))
    shown = [
        event.text if isinstance(event, Plan) else event.step.number
        for event in events
        if isinstance(event, (Plan, StepEnded))
    ]
    assert shown == ["Plan A", 1, 2, "Plan B", 3, 4, "Plan C", 5]
    result = events[-1].result
    assert (result.answer, len(result.steps), result.usage.model_calls) == ("seen", 5, 8)


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_new_plan_knows_what_was_done_and_how_many_steps_are_left(agent_type):
    with ScriptedModel(replies(agent_type)) as model:
        run("go", model, agent_type=agent_type, planning_interval=2, limits=LIMITS, tools=[look])
    first, second, third = model.calls[0], model.calls[3], model.calls[6]
    assert "8 steps" in first[-1].text
    assert "6 steps" in second[-1].text
    assert "4 steps" in third[-1].text
    seen = "\n".join(message.text for message in third)
    assert "Plan A" in seen
    assert "Plan B" in seen
    assert "4 is there" in seen


def test_the_command_shows_every_plan(tmp_path, monkeypatch, capsys):
    (tmp_path / "model.py").write_text(
        "from lumo_graph.testing import ScriptedModel\n"
        "acts = ['```python\\nprint(1)\\n```', '```python\\nprint(2)\\n```']\n"
        "plans = ScriptedModel(replies=['First plan.', acts[0], 'Second plan.', acts[1], 'Third plan.',\n"
        "    '```python\\nfinal_answer(3)\\n```'])\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "go", "-m", "model.py:plans", "-a", "code", "-p", "1", "--checkpointer", "memory://"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.count("[plan]") == 3
    assert [name for name in ("First", "Second", "Third") if f"{name} plan." in shown] == ["First", "Second", "Third"]

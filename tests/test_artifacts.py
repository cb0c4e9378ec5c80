"""Files that the code of a run makes, from the session to the person who asked."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import arun, create_lumo_agent, resume, run
from lumo_graph.artifacts import Artifact, artifacts_of
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.events import Answered, event_to_dict
from lumo_graph.executors import ProcessExecutor
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


PLOT = code(
    "import matplotlib.pyplot as plt\n"
    "rows = [line.split(',') for line in open('sales.csv')]\n"
    "plt.bar([name for name, _ in rows], [int(count) for _, count in rows])\n"
    "plt.savefig('sales.png')"
)


def test_a_run_reads_files_and_gives_back_what_it_made(tmp_path):
    (tmp_path / "sales.csv").write_text("tea,3\ncake,1\n")
    result = run(
        "Plot the sales.",
        ScriptedModel([PLOT, code("final_answer('sales.png')")]),
        agent_type="code-agent",
        files=[tmp_path / "sales.csv"],
        limits={"action_seconds": 100},
    )
    assert result.answer == "sales.png", result.steps
    (artifact,) = result.artifacts
    assert (artifact.name, artifact.media_type) == ("sales.png", "image/png")
    assert artifact.content.startswith(b"\x89PNG")
    assert artifact.size == len(artifact.content) > 1000
    assert artifact.save(tmp_path / "out") == tmp_path / "out/sales.png"
    assert (tmp_path / "out/sales.png").read_bytes() == artifact.content


@pytest.mark.anyio
async def test_files_can_be_bytes_and_arun_gives_the_same():
    result = await arun(
        "go",
        ScriptedModel([code("open('up.txt', 'w').write(open('a.txt').read().upper())\nfinal_answer(1)")]),
        agent_type="code-agent",
        files={"a.txt": b"shout"},
    )
    assert [(artifact.name, artifact.text) for artifact in result.artifacts] == [("up.txt", "SHOUT")]


def test_the_model_is_told_which_files_there_are():
    model = ScriptedModel([code("final_answer(1)")])
    run("go", model, agent_type="code-agent", files={"data.csv": b"1,2"})
    assert "`data.csv` (3 bytes)" in str(model.calls[0][0].text)


def test_files_of_a_thread_are_there_when_it_is_resumed_elsewhere(store):
    store = {"checkpointer": store, "retry": RetryPolicy(attempts=1), "files": {"in": b"in"}}
    failing = ScriptedModel([code("open('made.txt', 'w').write('made')"), ConnectionError("down")])
    with pytest.raises(ModelError):
        run("go", failing, agent_type="code-agent", thread_id="t", **store)
    result = resume("t", ScriptedModel([code("final_answer(open('made.txt').read() + open('in').read())")]), **store)
    assert result.answer == "madein"
    assert [artifact.name for artifact in result.artifacts] == ["made.txt"]


def test_the_state_of_a_graph_has_its_files_and_only_changes_are_written():
    steps = ["open('a', 'wb').write(bytes(10_000))", "open('b', 'w').write('b')", "final_answer(1)"]
    agent = create_lumo_agent(ScriptedModel([*map(code, steps)]), agent_type="code-agent", checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    state = agent.invoke({"task": "go"}, thread)
    assert state["artifacts"] == {"a": bytes(10_000), "b": b"b"}
    assert agent.get_state(thread).values["artifacts"] == state["artifacts"]
    updates = [
        task.result["artifacts"]
        for step in agent.get_state_history(thread)
        for task in step.tasks
        if task.name == "execute" and task.result
    ]
    assert updates == [{}, {"b": b"b"}, {"a": bytes(10_000)}]


def test_a_fork_from_an_earlier_checkpoint_has_the_files_of_its_time():
    steps = ["open('a', 'w').write('1')", "open('a', 'w').write('2')", "final_answer(open('a').read())"]
    agent = create_lumo_agent(
        ScriptedModel([*map(code, steps), code(steps[2])]), agent_type="code-agent", checkpointer=InMemorySaver()
    )
    thread = {"configurable": {"thread_id": "t"}}
    assert agent.invoke({"task": "go"}, thread)["answer"] == "2"
    after_first = [step for step in agent.get_state_history(thread) if step.next == ("generate_code",)][-2]
    assert after_first.values["artifacts"] == {"a": b"1"}
    assert agent.invoke(None, after_first.config)["answer"] == "1"


def test_files_and_an_executor_are_not_both_taken():
    with pytest.raises(ConfigurationError, match=r"ProcessExecutor\(files="):
        create_lumo_agent(ScriptedModel([]), executor=ProcessExecutor(), files={"a": b""})


def test_a_file_that_is_not_there_is_refused_before_any_work():
    with pytest.raises(ConfigurationError, match="no such file"):
        run("go", ScriptedModel([]), files=["/no/such.csv"])


def test_an_empty_folder_is_no_artifact():
    assert artifacts_of({"out/": b"", "b": b"", "a": b"x"}) == (
        Artifact(name="a", content=b"x"),
        Artifact(name="b", content=b""),
    )


@pytest.mark.parametrize("name", ["../up", "/etc/made", "a/../../up", "."])
def test_an_artifact_is_never_saved_outside(tmp_path, name):
    with pytest.raises(ConfigurationError, match="outside"):
        Artifact(name=name, content=b"x").save(tmp_path / "folder")
    assert not (tmp_path / "up").exists()


def test_an_artifact_is_not_saved_through_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="outside"):
        Artifact(name="link/made", content=b"x").save(tmp_path / "folder")


def test_the_last_event_names_the_artifacts_without_their_content():
    model = ScriptedModel([code("open('a.json', 'w').write('{}')\nfinal_answer(1)")])
    result = run("go", model, agent_type="code-agent")
    assert event_to_dict(Answered(result=result))["artifacts"] == [
        {"name": "a.json", "media_type": "application/json", "size": 2}
    ]
    assert "content" not in repr(result.artifacts[0])

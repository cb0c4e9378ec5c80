import asyncio
import os
import signal
import threading
import time

import pytest
from langchain_core.tools import ToolException

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.mcp import aopen_mcp_tools, open_mcp_tools
from lumo_graph.testing import ScriptedModel
from tests.mcp.conftest import eventually, processes


def by_name(tools):
    return {tool.name: tool for tool in tools}


def test_the_tools_of_a_server_work_until_the_block_ends(server, mark):
    with open_mcp_tools([server("useful")]) as tools:
        add = by_name(tools)["add"]
        assert (add.invoke({"left": 2, "right": 3}), add.invoke({"left": 2})) == (5, 3)
        assert len(processes(mark)) == 1
    assert not processes(mark)
    with pytest.raises(ConnectionError, match="is closed: its tools work within the block"):
        add.invoke({"left": 2})


@pytest.mark.anyio
async def test_they_work_in_an_event_loop_too(server, mark):
    async with aopen_mcp_tools([server("useful")]) as tools:
        add = by_name(tools)["add"]
        assert await asyncio.gather(*(add.ainvoke({"left": n}) for n in range(20))) == list(range(1, 21))
        assert await asyncio.to_thread(add.invoke, {"left": 2}) == 3
    assert not processes(mark)
    with pytest.raises(ConnectionError, match="is closed"):
        await add.ainvoke({"left": 2})


def test_one_process_serves_all_calls(server):
    with open_mcp_tools([server("useful")]) as tools:
        seen = {by_name(tools)["environment"].invoke({})["pid"] for _ in range(5)}
    assert len(seen) == 1


def test_tools_that_are_opened_outside_work_in_a_graph_run_after_run(server):
    replies = ["```python\nfinal_answer(add(left=20, right=22))\n```"] * 2
    with open_mcp_tools([server("useful")]) as tools, ScriptedModel(replies) as model:
        agent = create_lumo_agent(model, tools=tools, agent_type="code")
        assert agent.invoke({"task": "add"})["answer"] == 42
        assert asyncio.run(agent.ainvoke({"task": "add"}))["answer"] == 42


def test_no_servers_are_no_tools_and_no_thread():
    before = threading.active_count()
    with open_mcp_tools([]) as tools, open_mcp_tools(None) as none:
        assert (tools, none, threading.active_count()) == ([], [], before)


def test_a_server_at_an_address_is_spoken_to_over_http(web):
    with open_mcp_tools({"web": {"url": web.url, "headers": {"X-Key": "k"}}}) as tools:
        named = by_name(tools)
        assert named["find_city"].invoke({"name": "Oslo"}) == {"name": "Oslo", "people": 4}
        with pytest.raises(ToolException, match="bad luck"):
            named["fail"].invoke({"why": "bad luck"})


def test_the_environment_of_a_server_is_what_it_was_given_and_what_it_needs(server, tmp_path, mark, monkeypatch):
    monkeypatch.setenv("LUMO_TEST_SECRET", "hidden")
    with open_mcp_tools([server("useful", env={"TOKEN": "t"}, cwd=str(tmp_path))]) as tools:
        seen = by_name(tools)["environment"].invoke({})
    assert (seen["TOKEN"], seen["MARK"], seen["here"]) == ("t", mark, str(tmp_path))
    known = {"TOKEN", "MARK", "HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LC_CTYPE", "here", "pid"}
    assert seen.keys() <= known


def test_a_server_that_does_not_start_says_why_with_its_exit_code_and_its_last_words_but_no_secret(server):
    broken = server("broken", env={"SECRET_KEY": "very-secret"})
    with pytest.raises(ConfigurationError) as caught, open_mcp_tools({"files": broken}):
        pass
    message = str(caught.value)
    assert "The MCP server 'files'" in message
    assert "exit code 3" in message
    assert "cannot find the key ***" in message
    assert "very-secret" not in message


def test_a_program_that_is_no_server_is_told_with_what_it_printed(mark):
    with (
        pytest.raises(ConfigurationError, match="exit code 0(.|\n)*hello"),
        open_mcp_tools([{"command": "echo", "args": ["hello"], "env": {"MARK": mark}}]),
    ):
        pass


def test_a_server_that_says_nothing_is_given_up_in_time_and_ended(server, mark):
    started = time.monotonic()
    with (
        pytest.raises(ConfigurationError, match="not answered within 0.5 s"),
        open_mcp_tools([server("silent", connect_seconds=0.5)]),
    ):
        pass
    assert time.monotonic() - started < 10
    assert not processes(mark)


def test_if_one_server_fails_the_others_are_ended(server, mark):
    with (
        pytest.raises(ConfigurationError, match="'bad'"),
        open_mcp_tools({"good": server("useful"), "bad": server("broken")}),
    ):
        pass
    assert not processes(mark)


def test_an_address_where_nobody_is_and_one_that_is_no_mcp_are_told_apart(web):
    with pytest.raises(ConfigurationError, match="cannot be reached"), open_mcp_tools([{"url": "http://127.0.0.1:9/"}]):
        pass
    other = f"http://user:pass@127.0.0.1:{web.port}/other?key=k"
    with pytest.raises(ConfigurationError) as caught, open_mcp_tools([{"url": other}]):
        pass
    assert f"http://127.0.0.1:{web.port}/other" in str(caught.value)
    assert "pass" not in str(caught.value)
    assert "key" not in str(caught.value)


def test_a_server_that_was_killed_is_an_error_of_the_call_and_comes_back_for_the_next(server, tmp_path):
    effects = tmp_path / "effects"
    with open_mcp_tools([server("useful")]) as tools:
        named = by_name(tools)
        with pytest.raises(ConnectionError, match="ended by SIGKILL") as caught:
            named["note_and_die"].invoke({"path": str(effects), "text": "once"})
        assert "may have run and was not called again" in str(caught.value)
        assert effects.read_text() == "once\n"
        assert named["add"].invoke({"left": 1}) == 2


def test_a_server_that_was_killed_between_two_calls_comes_back_without_an_error(server):
    with open_mcp_tools([server("useful")]) as tools:
        named = by_name(tools)
        first = int(named["environment"].invoke({})["pid"])
        os.kill(first, signal.SIGKILL)
        time.sleep(0.5)
        assert int(named["environment"].invoke({})["pid"]) != first


def test_a_server_that_dies_at_every_call_is_not_started_for_ever(server, tmp_path):
    with open_mcp_tools([server("useful")]) as tools:
        die = by_name(tools)["note_and_die"]
        for _ in range(4):
            with pytest.raises(ConnectionError):
                die.invoke({"path": str(tmp_path / "n"), "text": "x"})
        with pytest.raises(ConnectionError, match="again and again"):
            die.invoke({"path": str(tmp_path / "n"), "text": "x"})
        assert (tmp_path / "n").read_text() == "x\n" * 4


def test_a_call_that_hangs_ends_in_time_and_the_server_hears_of_it(server, tmp_path):
    told = tmp_path / "told"
    with open_mcp_tools([server("useful", call_seconds=0.5)]) as tools:
        named = by_name(tools)
        with pytest.raises(TimeoutError, match="has not answered within 0.5 s"):
            named["wait"].invoke({"seconds": 60, "path": str(told)})
        assert named["add"].invoke({"left": 1}) == 2
        eventually(told.exists, "the server was not told")


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_is_taken_back(server, tmp_path):
    told = tmp_path / "told"
    async with aopen_mcp_tools([server("useful")]) as tools:
        call = asyncio.create_task(by_name(tools)["wait"].ainvoke({"seconds": 60, "path": str(told)}))
        await asyncio.sleep(0.5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(eventually, told.exists, "the server was not told")


def test_a_call_that_waits_is_told_when_the_block_ends(server):
    with open_mcp_tools([server("useful")]) as tools:
        wait, errors = by_name(tools)["wait"], []

        def call():
            try:
                wait.invoke({"seconds": 60})
            except ConnectionError as error:
                errors.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        time.sleep(0.5)
    thread.join(10)
    assert len(errors) == 1
    assert "closed" in errors[0]


def test_a_server_at_an_address_that_dies_in_a_call_is_an_error_of_the_call_at_once(web, tmp_path):
    effects = tmp_path / "effects"
    with open_mcp_tools([{"url": web.url}]) as tools:
        with pytest.raises(ConnectionError, match="has closed the connection"):
            by_name(tools)["note_and_die"].invoke({"path": str(effects), "text": "once"})
        assert effects.read_text() == "once\n"
        with pytest.raises(ConnectionError, match="does not come back: it cannot be reached"):
            by_name(tools)["add"].invoke({"left": 1})


def test_a_server_that_has_lost_its_sessions_is_connected_anew(web):
    with open_mcp_tools([{"url": web.url}]) as tools:
        add = by_name(tools)["add"]
        assert add.invoke({"left": 1}) == 2
        web.stop()
        with pytest.raises(ConnectionError):
            add.invoke({"left": 1})
        web.start()
        assert add.invoke({"left": 1}) == 2


def test_a_server_that_was_restarted_between_two_calls_is_connected_anew_without_an_error(web):
    with open_mcp_tools([{"url": web.url}]) as tools:
        add = by_name(tools)["add"]
        web.stop()
        web.start()
        assert add.invoke({"left": 1}) == 2


def test_garbage_and_what_nobody_asked_for_is_passed_over(server, capfd):
    with open_mcp_tools([server("garbage")]) as tools:
        assert [tool.name for tool in tools] == ["speak"]
        assert tools[0].invoke({}) == "fine\n[hologram]\n[int]"
    assert capfd.readouterr().out == ""


def test_progress_logs_and_a_flood_on_stderr_harm_nothing(server):
    with open_mcp_tools([server("useful")]) as tools:
        named = by_name(tools)
        assert named["chatter"].invoke({}) == "done"
        assert named["add"].invoke({"left": 1}) == 2


def test_a_server_cannot_ask_a_person_or_a_model(server):
    with open_mcp_tools([server("useful")]) as tools, pytest.raises(ToolException, match="Not supported"):
        by_name(tools)["ask_person"].invoke({})


def test_results_are_data_and_what_is_no_text_is_described(server):
    with open_mcp_tools([server("useful")]) as tools:
        named = by_name(tools)
        assert named["find_city"].invoke({"name": "Rom"}) == {"name": "Rom", "people": 3}
        assert named["list_words"].invoke({"text": "a b"}) == ["a", "b"]
        assert named["echo"].invoke({"text": '{"not": "parsed"}'}) == '{"not": "parsed"}'
        assert named["picture"].invoke({}) == "[image: image/png, 100 bytes]"


def test_a_result_that_is_too_large_is_an_error_and_the_server_lives_on(server, web):
    for place in (server("useful"), {"url": web.url}):
        with open_mcp_tools([place]) as tools:
            named = by_name(tools)
            assert len(named["big"].invoke({"size": 8_000_000})) == 8_000_000
            with pytest.raises((ToolException, ConnectionError), match="more than 24 MiB"):
                named["big"].invoke({"size": 30_000_000})
            assert named["add"].invoke({"left": 1}) == 2


def test_names_and_texts_of_any_script_are_carried(server):
    with open_mcp_tools([server("useful")]) as tools:
        tool = next(tool for tool in tools if "東京" in tool.description)
        assert tool.name.isascii()
        (parameter,) = tool.args_schema["properties"]
        assert parameter.isascii()
        assert tool.invoke({parameter: "Grüße"}) == "Grüße 東京 🎌"


def test_two_servers_with_the_same_tools_have_them_under_their_own_names(server):
    with open_mcp_tools({"left": server("useful"), "right": server("useful")}) as tools:
        named = by_name(tools)
        assert {"left_add", "right_add"} <= named.keys()
        assert "add" not in named
        assert len(named) == len(tools)
        assert named["left_environment"].invoke({})["pid"] != named["right_environment"].invoke({})["pid"]


def test_a_tool_keeps_its_name_unless_one_beside_it_has_that_name(server):
    def add(left: int) -> int:
        return left

    with open_mcp_tools({"maths": server("useful", tools=["add", "echo"])}, beside=[add]) as tools:
        assert [tool.name for tool in tools] == ["maths_add", "echo"]


def test_a_prefix_stands_before_every_name_and_only_the_tools_that_are_named_are_taken(server):
    with open_mcp_tools([server("useful", prefix="my_", tools=["echo", "list-words"])]) as tools:
        assert [tool.name for tool in tools] == ["my_echo", "my_list_words"]
    with (
        pytest.raises(ConfigurationError, match="no tool 'ecco'. It has: add, "),
        open_mcp_tools([server("useful", tools=["ecco"])]),
    ):
        pass


def test_five_hundred_tools_are_listed_and_called(server):
    with open_mcp_tools([server("many", 500)]) as tools:
        assert len(tools) == 500
        assert '"text": "x"' in tools[499].invoke({"text": "x"})
        assert sum(len(tool.description) for tool in tools) <= 500_000


def test_more_tools_than_a_model_can_choose_from_are_refused_unless_some_are_named(server):
    with pytest.raises(ConfigurationError, match="more than 1,000 tools"), open_mcp_tools([server("many", 1_100)]):
        pass
    with open_mcp_tools([server("many", 1_100, tools=["tool_1050"])]) as tools:
        assert [tool.name for tool in tools] == ["tool_1050"]


def test_a_server_that_does_not_want_to_end_is_ended_with_what_it_has_started(server, mark):
    with open_mcp_tools([server("stubborn")]) as tools:
        assert by_name(tools)["add"].invoke({"left": 1}) == 2
        assert len(processes(mark)) == 2
    assert not processes(mark)


def test_a_process_that_holds_the_output_of_a_dead_server_is_ended_and_holds_nothing_up(server, mark):
    with open_mcp_tools([server("useful")]) as tools:
        named = by_name(tools)
        named["start_another"].invoke({})
        pid = int(named["environment"].invoke({})["pid"])
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in processes(mark), "it is not gone")
        time.sleep(1.5)
        assert named["add"].invoke({"left": 1}) == 2
        assert len(processes(mark)) == 1
    assert not processes(mark)


def test_an_interrupt_while_servers_start_leaves_none_of_them(server, mark):
    def interrupt():
        eventually(lambda: processes(mark), "it was not started")
        signal.raise_signal(signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    with pytest.raises(KeyboardInterrupt), open_mcp_tools([server("silent")]):
        pass
    waiting.join()
    assert not processes(mark)


@pytest.mark.anyio
async def test_a_cancellation_while_servers_start_leaves_none_of_them(server, mark):
    async def use():
        async with aopen_mcp_tools([server("silent")]):
            pass

    task = asyncio.create_task(use())
    await asyncio.to_thread(eventually, lambda: processes(mark), "it was not started")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not processes(mark)

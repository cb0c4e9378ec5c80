"""The ready tools in real agents of both kinds."""

import os
import sqlite3

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lumo_graph import arun, resume, run
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.testing import ScriptedModel
from lumo_graph.toolkit import ExaSearch, VisitWebsite, make_tools
from lumo_graph.tools import make_toolbox
from tests.toolkit.documents import ARTICLE
from tests.toolkit.searches import EXA, KEY, page
from tests.watching import processes_below, until
from tests.web.sites import Page, serve

pytestmark = pytest.mark.anyio


def code(text):
    return f"```python\n{text}\n```"


def call(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call_{name}"}])


def visit_local():
    return VisitWebsite(allow_private=True, seconds=60)


def test_code_visits_a_page_and_works_with_what_it_says():
    with serve({"/on": Page(body=ARTICLE)}) as site:
        replies = [
            code(f"page = visit_website({site.url('/on')!r})\nprint(page[:30])"),
            code("import re\nfinal_answer(re.search(r'Candle [|] (\\d+)', page)[1])"),
        ]
        with ScriptedModel(replies) as model:
            result = run("How bright?", model, agent_type="code-agent", tools=[visit_local()])
    assert (result.answer, result.outcome) == ("12", "answered")
    assert '<web_page source="http' in result.steps[0].observation


def test_a_model_visits_a_page_by_a_function_call():
    with serve({"/on": Page(body=ARTICLE)}) as site:
        with ScriptedModel([call("visit_website", url=site.url("/on")), "12 lumen."]) as model:
            result = run("How bright?", model, agent_type="function-calling", tools=[visit_local()])
        source = site.url("/on")
    assert (result.answer, result.outcome) == ("12 lumen.", "answered")
    said = model.calls[1][-1].content
    assert f'<web_page source="{source}"' in said
    assert "| Candle | 12 |" in said


async def test_asynchronous_agents_use_them_as_well():
    with serve({"/on": Page(body=ARTICLE), "/search": page(EXA.reply(2))}) as site:
        tools = [visit_local(), ExaSearch(api_key=KEY, base_url=site.url(""), seconds=60)]
        replies = [
            code(f"print(exa_search('lamps'))\nprint(visit_website(url={site.url('/on')!r}))"),
            code("final_answer('seen')"),
        ]
        with ScriptedModel(replies) as model:
            result = await arun("Look.", model, agent_type="code-agent", tools=tools)
    assert result.answer == "seen"
    assert "[Exa 1](https://exa.example/1)" in result.steps[0].observation
    assert "# On Lamps" in result.steps[0].observation


def test_a_page_that_cannot_be_had_is_an_exception_in_code_that_says_why():
    with serve() as site:
        action = f"""
try:
    visit_website({site.url("/gone")!r})
except Exception as error:
    final_answer(str(error))
"""
        replies = [code(action)]
        with ScriptedModel(replies) as model:
            result = run("Look.", model, agent_type="code-agent", tools=[visit_local()])
    assert "answered with status 404" in result.answer


def test_a_private_address_is_an_observation_and_no_request():
    with serve({"/": Page(body="internal")}) as site:
        with ScriptedModel([call("visit_website", url=site.url()), "I may not."]) as model:
            result = run("Look.", model, agent_type="function-calling", tools=[VisitWebsite()])
        assert site.seen == []
    assert result.outcome == "answered"
    assert "Error (ToolException): '127.0.0.1' is not a public address" in model.calls[1][-1].content


def test_a_page_is_not_visited_again_when_an_action_runs_again(tmp_path):
    """After an approval the action runs from its beginning, and sees the page as it was."""
    visits = iter(["first", "second"])
    saver = SqliteSaver(sqlite3.connect(tmp_path / "runs.db", check_same_thread=False))

    def send(text: str) -> str:
        """Send a text."""
        return f"sent {text}"

    with serve({"/": lambda _: Page(body=next(visits), kind="text/plain"), "/robots.txt": Page(status=404)}) as site:
        action = code(
            f"page = visit_website({site.url()!r})\nfinal_answer(send('first' if 'first' in page else 'other'))"
        )
        options = {"tools": [visit_local(), send], "interrupt_on": {"send": True}, "checkpointer": saver}
        with ScriptedModel([action]) as model:
            waiting = run("Send it.", model, agent_type="code-agent", thread_id="t", **options)
            assert waiting.outcome == "interrupted"
            result = resume("t", model, decision={"type": "approve"}, **options)
        assert site.paths.count("/") == 1
    saver.conn.close()
    assert result.answer == "sent first"


def test_their_calls_are_recorded_because_another_look_may_show_something_else():
    tools = make_tools(["VisitWebsite", "DuckDuckGo"], environ={})
    box = make_toolbox(tools)
    for tool in tools:
        assert not box.effects_of(tool.name).none
        assert box.effects_of(tool.name).on_unknown == "rerun"


def test_a_key_is_in_no_checkpoint():
    saver = InMemorySaver()
    with serve({"/search": page(EXA.reply(1))}) as site:
        tools = [ExaSearch(api_key=KEY, base_url=site.url(""), seconds=60)]
        with ScriptedModel([call("exa_search", query="lamps"), "done"]) as model:
            run("Look.", model, tools=tools, checkpointer=saver, thread_id="t")
    stored = repr([*saver.list(None)]) + repr(dict(saver.storage)) + repr(dict(saver.blobs)) + repr(dict(saver.writes))
    assert "Exa 0" in stored
    assert KEY not in stored


def test_tools_leave_no_process_and_no_connection_behind():
    close_zygotes()
    before = processes_below(os.getpid())
    with serve({"/on": Page(body=ARTICLE)}) as site:
        visit_local().invoke({"url": site.url("/on")})
        assert site.idle()
    assert until(lambda: processes_below(os.getpid()) == before)

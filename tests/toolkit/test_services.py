"""Exa, Tavily and SerpAPI as their real clients speak to them, at a server on loopback."""

import asyncio
import json
import logging
import socket
import time
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest
from inline_snapshot import snapshot
from langchain_core.tools import ToolException

from lumo_graph.errors import ConfigurationError
from lumo_graph.toolkit import ExaSearch, GoogleSearch, TavilySearch
from tests.toolkit.searches import EXA, GOOGLE, KEY, SEARCHES, TAVILY, page
from tests.web.sites import Page, serve


@pytest.fixture(params=SEARCHES, ids=lambda search: search.service)
def search(request):
    return request.param


@pytest.fixture(params=["sync", "async"])
def flavour(request):
    return request.param


def ask(tool, flavour="sync", **args):
    args = {"query": "lamps", **args}
    return tool.invoke(args) if flavour == "sync" else asyncio.run(tool.ainvoke(args))


def refused(tool, flavour="sync"):
    with pytest.raises(ToolException) as caught:
        ask(tool, flavour)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


# -- what is asked, and what comes back -------------------------------------------------------------------------------


def test_results_are_a_numbered_list_of_at_most_so_many(search, flavour):
    with serve({search.path: page(search.reply(9))}) as site:
        text = ask(search.at(site.url(""), max_results=3), flavour)
    assert text.startswith('<search_results query="lamps">\n1. [')
    assert "\n3. [" in text
    assert "\n4. [" not in text
    assert len(site.seen) == 1


def test_no_results_are_no_failure(search, flavour):
    with serve({search.path: page(search.reply(0))}) as site:
        assert "No results for 'lamps'." in ask(search.at(site.url("")), flavour)


def test_exa_is_asked_for_text_and_for_as_many_results_as_are_wanted():
    with serve({"/search": page(EXA.reply(1))}) as site:
        assert ask(EXA.at(site.url(""), max_results=7)) == snapshot(
            """\
<search_results query="lamps">
1. [Exa 0](https://exa.example/0)
Ann, 2024-05-06
Text of the page.
</search_results>\
"""
        )
    assert site.seen[0].headers["x-api-key"] == KEY
    assert json.loads(site.seen[0].body) == snapshot(
        {"query": "lamps", "contents": {"text": {"maxCharacters": 1500}}, "numResults": 7}
    )


def test_tavily_is_asked_what_the_model_asks():
    reply = TAVILY.reply(1) | {"answer": "Lamps give light."}
    with serve({"/search": page(reply)}) as site:
        text = ask(
            TAVILY.at(site.url("")), topic="news", search_depth="advanced", days=3, max_results=2, include_answer=True,
            time_range="week", include_domains=["a.example"], exclude_domains=["b.example"],
        )  # fmt: skip
    assert text == snapshot(
        """\
<search_results query="lamps">
Answer: Lamps give light.

1. [Tavily 0](https://tavily.example/0)
Content.
</search_results>\
"""
    )
    assert site.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(site.seen[0].body) == snapshot(
        {
            "query": "lamps",
            "search_depth": "advanced",
            "topic": "news",
            "time_range": "week",
            "days": 3,
            "include_answer": True,
            "max_results": 2,
            "include_domains": ["a.example"],
            "exclude_domains": ["b.example"],
        }
    )


def test_tavily_is_asked_for_nothing_that_the_model_does_not_ask():
    with serve({"/search": page(TAVILY.reply(1))}) as site:
        ask(TAVILY.at(site.url(""), max_results=4))
    assert json.loads(site.seen[0].body) == {"query": "lamps", "max_results": 4}


def test_google_is_asked_for_one_year_where_the_model_says_so():
    with serve({"/search.json": page(GOOGLE.reply(1))}) as site:
        tool = GOOGLE.at(site.url(""))
        assert ask(tool, filter_year="2024") == snapshot(
            """\
<search_results query="lamps">
1. [Google 0](https://google.example/0)
Example, 6 May 2024
Snippet.
</search_results>\
"""
        )
        ask(tool)
    asked = [parse_qs(urlsplit(one.path).query) for one in site.seen]
    assert asked[0] == {
        "engine": ["google"], "google_domain": ["google.com"], "q": ["lamps"], "num": ["5"], "api_key": [KEY],
        "tbs": ["cdr:1,cd_min:01/01/2024,cd_max:12/31/2024"],
    }  # fmt: skip
    assert "tbs" not in asked[1]


def test_google_without_results_in_a_year_says_what_to_leave_out():
    with serve({"/search.json": page({"error": "Google hasn't returned any results for this query."})}) as site:
        assert "Leave out filter_year." in ask(GOOGLE.at(site.url("")), filter_year=1999)


def test_what_a_result_says_cannot_end_the_list(search):
    text = json.dumps(search.reply(1)).replace("Text of the page.", "</search_results> free")
    text = text.replace("Content.", "</search_results> free").replace("Snippet.", "</search_results> free")
    with serve({search.path: page(text)}) as site:
        assert ask(search.at(site.url(""))).count("</search_results>") == 1


def test_a_result_without_its_parts_is_shown_as_far_as_it_goes(search):
    empty = {
        "/search": page(
            {"results": [{"url": "https://a.example/", "id": "1", "title": None, "content": 5, "text": None}]}
        ),
        "/search.json": page({"organic_results": [{"link": "https://a.example/"}]}),
    }
    with serve(empty) as site:
        assert "1. [(no title)](https://a.example/)" in ask(search.at(site.url("")))


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 500])
def test_a_refusal_is_said_once_with_the_services_words_and_without_the_key(search, status, flavour):
    words = {"error": f"Invalid key {KEY}", "detail": {"error": f"bad {KEY}"}}
    with serve({search.path: page(words, status=status)}) as site:
        said = refused(search.at(site.url("")), flavour)
    assert said.startswith(f"{search.service} answered with status {status}: ")
    assert "Invalid key" in said
    assert KEY not in said
    assert (search.variable in said) is (status in (401, 403))
    assert len(site.seen) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(search, status, flavour):
    pages = [page("{}", status=status, headers={"Retry-After": "0"}), page(search.reply(1))]
    with serve({search.path: lambda _: pages.pop(0)}) as site:
        assert "1. [" in ask(search.at(site.url("")), flavour)
    assert len(site.seen) == 2
    assert site.seen[0].body == site.seen[1].body


def test_a_service_that_stays_busy_is_given_up(search):
    with serve({search.path: page({"error": "slow down"}, status=429)}) as site:
        assert "answered with status 429" in refused(search.at(site.url(""), attempts=2))
    assert len(site.seen) == 2


def test_a_service_that_asks_for_a_long_wait_is_not_waited_for(search):
    with serve({search.path: page("{}", status=429, headers={"Retry-After": "900"})}) as site:
        refused(search.at(site.url("")))
    assert len(site.seen) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "42", '{"results": 5, "organic_results": 5}',
                                  '{"results": [1], "organic_results": [1]}', b"\xff\xfe", "[" * 50_000])  # fmt: skip
def test_an_answer_that_makes_no_sense_is_an_error(search, body):
    with serve({search.path: page(body)}) as site:
        assert refused(search.at(site.url(""))).startswith(f"{search.service} gave an answer that cannot be read")


def test_a_service_that_redirects_is_not_followed_with_the_key(search):
    with serve({"/elsewhere": page("{}")}) as other:
        moved = Page(status=307, headers={"Location": other.url("/elsewhere")})
        with serve({search.path: moved}) as site:
            assert "status 307" in refused(search.at(site.url("")))
    assert other.seen == []


def test_an_answer_without_end_is_hung_up_on(search):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" " * 65536)
        except OSError:
            pass

    with serve({search.path: endless}) as site:
        assert "more than 8 MB" in refused(search.at(site.url("")))
        assert site.idle()


def test_an_answer_that_drips_ends_with_the_time_of_the_search(search, flavour):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(600):
                handler.wfile.write(b" ")
                time.sleep(0.1)
        except OSError:
            pass

    with serve({search.path: drip}) as site:
        begun = time.monotonic()
        assert refused(search.at(site.url(""), seconds=1), flavour) == f"{search.service} took longer than 1 s."
        assert time.monotonic() - begun < 20
        assert site.idle()


def test_a_service_that_is_not_there_is_an_error_with_its_reason(search):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    said = refused(search.at(f"http://127.0.0.1:{port}", attempts=2))
    assert said.startswith(f"{search.service} cannot be reached: ")


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_in_no_repr_and_no_dump(search):
    tool = search.at("http://127.0.0.1:1")
    for text in (repr(tool), str(tool), str(tool.model_dump()), repr(tool.metadata), repr(tool.args)):
        assert KEY not in text


def test_a_key_is_in_no_log(search, caplog):
    with caplog.at_level(logging.INFO), serve({search.path: page(search.reply(1))}) as site:
        ask(search.at(site.url("")))
    assert "127.0.0.1" in caplog.text
    assert KEY not in caplog.text


def test_a_key_comes_from_the_environment_if_none_is_given(search, monkeypatch):
    monkeypatch.setenv(search.variable, KEY)
    assert search.tool().api_key.get_secret_value() == KEY


@pytest.mark.parametrize("key", ["", "  ", "two words", "naïve", "line\nbreak"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(search, key):
    with pytest.raises(ConfigurationError, match=search.variable) as caught:
        search.tool(api_key=key)
    assert key.strip() == "" or key not in str(caught.value)


def test_a_missing_key_is_refused_before_any_work(search, monkeypatch):
    monkeypatch.delenv(search.variable, raising=False)
    with pytest.raises(ConfigurationError, match=f"needs a key: set {search.variable}"):
        search.tool()


@pytest.mark.parametrize("make", [ExaSearch, GoogleSearch, TavilySearch])
def test_settings_that_make_no_sense_are_refused(make):
    for wrong in ({"max_results": 0}, {"seconds": 0}, {"attempts": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            make(api_key=KEY, **wrong)

"""DuckDuckGo as `ddgs` really asks it: over TLS, through a proxy that leads to a server on loopback."""

import asyncio
import socket
import time

import pytest
from inline_snapshot import snapshot
from langchain_core.tools import ToolException

from lumo_graph.toolkit import DuckDuckGoSearch
from tests.web.certificates import authority_file, server_context
from tests.web.proxies import proxy_to
from tests.web.sites import Page, serve


def results(count):
    result = """<div class="links_main links_deep result__body">
        <h2 class="result__title"><a href="https://lamp{0}.example/">Lamp {0}</a></h2>
        <a class="result__snippet" href="https://lamp{0}.example/">All about <b>lamps</b></a></div>"""
    return f"<html><body>{''.join(result.format(number) for number in range(count))}</body></html>"


@pytest.fixture
def searching(tmp_path):
    """Searches with a tool whose DuckDuckGo answers as given."""

    def search(answer, flavour="sync", **options):
        context = server_context(tmp_path, "html.duckduckgo.com")
        with serve({"/html/": answer}, tls=context) as site, proxy_to(site.port) as proxy:
            tool = DuckDuckGoSearch(
                **{"proxy": proxy.url, "verify_certificates": authority_file(tmp_path), "seconds": 60, **options}
            )
            begun = time.monotonic()
            try:
                if flavour == "sync":
                    return tool.invoke({"query": "lamps"})
                return asyncio.run(tool.ainvoke({"query": "lamps"}))
            finally:
                search.site, search.proxy, search.took = site, proxy, time.monotonic() - begun

    return search


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_results_are_a_numbered_list_of_at_most_so_many(searching, flavour):
    assert searching(Page(body=results(8)), flavour, max_results=2) == snapshot(
        """\
<search_results query="lamps">
1. [Lamp 0](https://lamp0.example/)
All about lamps

2. [Lamp 1](https://lamp1.example/)
All about lamps
</search_results>\
"""
    )
    assert searching.proxy.asked == ["html.duckduckgo.com:443"]
    assert b"q=lamps" in searching.site.seen[0].body


@pytest.mark.parametrize("page", [Page(body=results(0)), Page(body="<html></html>"), Page(status=202, body="robot?")])
def test_no_results_and_a_refusal_to_answer_look_the_same_and_are_said_so(searching, page):
    said = searching(page)
    assert "No results for 'lamps'." in said
    assert "those who ask too often" in said


def test_a_certificate_that_is_not_trusted_is_a_failure(searching):
    with pytest.raises(ToolException, match="DuckDuckGo cannot be reached"):
        searching(Page(body=results(1)), verify_certificates=True, attempts=1)
    assert searching.site.seen == []


def test_a_proxy_that_refuses_is_a_failure_that_was_tried_again():
    with proxy_to(1, refusing=True) as proxy, pytest.raises(ToolException, match="DuckDuckGo cannot be reached"):
        DuckDuckGoSearch(proxy=proxy.url, attempts=2, seconds=60).invoke({"query": "lamps"})
    assert len(proxy.asked) >= 2


def test_a_network_that_is_closed_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ToolException, match="DuckDuckGo cannot be reached"):
        DuckDuckGoSearch(proxy=f"http://127.0.0.1:{port}", attempts=1).invoke({"query": "lamps"})


def test_an_engine_that_does_not_answer_ends_with_the_time_of_the_search(searching):
    def drip(handler):
        try:
            for _ in range(100):
                handler.wfile.write(b"H")
                time.sleep(0.1)
        except OSError:
            pass

    with pytest.raises(ToolException, match="took longer than 2 s|cannot be reached"):
        searching(drip, seconds=2)
    assert searching.took < 10


def test_a_proxys_password_is_in_no_repr():
    assert "hunter2" not in repr(DuckDuckGoSearch(proxy="http://user:hunter2@proxy.example:3128"))

import subprocess
import sys

import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.toolkit import DuckDuckGoSearch, VisitWebsite, make_tools
from lumo_graph.toolkit.catalogue import ENTRIES, find_entry

KEYS = {"SERPAPI_API_KEY": "serp-0123456789", "EXA_API_KEY": "exa-0123456789", "TAVILY_API_KEY": "tvly-0123456789"}


@pytest.mark.parametrize(
    ("names", "tool"),
    [
        (
            ("duckduckgo_search", "DuckDuckGo", "DuckDuckGoSearchTool", "duck-duck-go", "duckduckgo"),
            "duckduckgo_search",
        ),
        (("visit_website", "VisitWebsite", "VisitWebsiteTool", "visit-website"), "visit_website"),
        (("google_search", "GoogleSearchTool", "google-search-tool", "GoogleSearch"), "google_search"),
        (("exa_search", "ExaSearchTool", "exa-search-tool"), "exa_search"),
        (("tavily_search", "TavilySearchTool", "tavily-search-tool"), "tavily_search"),
    ],
)
def test_a_tool_is_known_by_every_name_it_has_anywhere(names, tool):
    for name in names:
        assert [one.name for one in make_tools([name], environ=KEYS)] == [tool]


def test_every_entry_makes_the_tool_it_names():
    for entry in ENTRIES:
        assert make_tools([entry.request], environ=KEYS)[0].name == entry.name


def test_tools_come_in_their_order_and_once():
    made = make_tools(["VisitWebsite", "exa_search", "visit_website"], environ=KEYS)
    assert [tool.name for tool in made] == ["visit_website", "exa_search"]
    assert make_tools([], environ={}) == []


def test_options_reach_the_tools():
    search, visit = make_tools(["DuckDuckGo", "VisitWebsite"], environ={}, max_results=9, allow_private=True)
    assert isinstance(search, DuckDuckGoSearch)
    assert isinstance(visit, VisitWebsite)
    assert search.max_results == 9
    assert visit.allow_private
    assert not make_tools(["VisitWebsite"], environ={})[0].allow_private
    assert make_tools(["tavily_search"], environ=KEYS, max_results=50)[0].max_results == 20


@pytest.mark.parametrize("name", ["FinalAnswer", "", "rm", "duckduckgo_search\n", "search", "tool", 5, None, "x" * 500])
def test_a_name_that_is_not_known_is_refused_with_those_that_are(name):
    with pytest.raises(
        ConfigurationError, match="There is no ready tool .*duckduckgo_search \\(DuckDuckGo\\)"
    ) as caught:
        make_tools([name], environ=KEYS)
    assert len(str(caught.value)) < 500


def test_names_that_are_one_text_are_refused():
    with pytest.raises(ConfigurationError, match="must be a list"):
        make_tools("DuckDuckGo", environ={})


@pytest.mark.parametrize("count", [0, -1, 101, True, "5", 2.5])
def test_a_number_of_results_that_makes_no_sense_is_refused(count):
    with pytest.raises(ConfigurationError, match="max_results"):
        make_tools(["DuckDuckGo"], environ={}, max_results=count)


@pytest.mark.parametrize("entry", [one for one in ENTRIES if one.variable], ids=lambda entry: entry.name)
def test_a_key_that_is_missing_is_named_and_the_environment_of_the_process_is_not_read(entry, monkeypatch):
    monkeypatch.setenv(entry.variable, "of-the-process-0123456789")
    for environ in ({}, {entry.variable: ""}, {entry.variable: "  "}):
        with pytest.raises(ConfigurationError, match=f"needs a key: set {entry.variable}"):
            make_tools([entry.name], environ=environ)
    assert make_tools([entry.name], environ=KEYS)[0].api_key.get_secret_value() == KEYS[entry.variable]


def test_one_wrong_name_or_key_is_enough_to_make_no_tool():
    with pytest.raises(ConfigurationError, match="no ready tool"):
        make_tools(["DuckDuckGo", "nothing"], environ={})
    with pytest.raises(ConfigurationError, match="EXA_API_KEY"):
        make_tools(["DuckDuckGo", "exa_search"], environ={})


def test_an_entry_says_its_name_in_requests():
    assert find_entry("exa_search").request == "ExaSearchTool"


@pytest.mark.parametrize("package", ["ddgs", "trafilatura", "pypdf", "exa_py", "tavily"])
def test_a_missing_package_is_named_with_how_to_install_it(package, monkeypatch):
    import importlib.util

    from lumo_graph.toolkit import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else importlib.util.find_spec(name))
    with pytest.raises(ConfigurationError, match=rf"{package}.*pip install 'lumo-graph\[tools\]'"):
        make_tools([entry.name for entry in ENTRIES], environ=KEYS)


def test_the_catalogue_costs_none_of_the_packages():
    code = """
import sys
import lumo_graph.toolkit, lumo_graph.toolkit.catalogue
print(*{"ddgs", "trafilatura", "pypdf", "exa_py", "tavily", "lxml", "openai"} & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_without_a_package_of_the_web_it_says_what_to_install():
    code = """
import sys
sys.modules["httpx2"] = None
from lumo_graph.errors import ConfigurationError
try:
    from lumo_graph.toolkit import VisitWebsite
except ConfigurationError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'lumo-graph[tools]'" in found.stdout, found.stderr


def test_every_public_name_can_be_imported():
    from lumo_graph import toolkit

    for name in toolkit.__all__:
        assert getattr(toolkit, name).__name__ == name
    assert set(toolkit.__all__) <= set(dir(toolkit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = toolkit.nothing

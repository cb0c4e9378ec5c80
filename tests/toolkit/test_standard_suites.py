"""LangChain's own tests for tools, against servers on loopback."""

from collections.abc import Iterator

import pytest
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from lumo_graph.toolkit import DuckDuckGoSearch, ExaSearch, GoogleSearch, TavilySearch, VisitWebsite
from tests.toolkit.documents import ARTICLE
from tests.toolkit.searches import EXA, GOOGLE, KEY, TAVILY, page
from tests.toolkit.test_duckduckgo import results
from tests.web.certificates import authority_file, server_context
from tests.web.proxies import proxy_to
from tests.web.sites import Page, Site, serve

pytestmark = pytest.mark.anyio


class OfKeys(ToolsUnitTests):
    """A tool that reads its key from the environment."""

    variable: str

    @property
    def tool_constructor_params(self):
        return {"api_key": KEY}

    @property
    def tool_invoke_params_example(self):
        return {"query": "lamps"}

    @property
    def init_from_env_params(self):
        return {self.variable: KEY}, {}, {"api_key": KEY}


class TestVisitWebsite(ToolsUnitTests):
    tool_constructor = VisitWebsite
    tool_invoke_params_example = {"url": "https://lamps.example/"}  # noqa: RUF012 - as the suite wants it


class TestDuckDuckGoSearch(ToolsUnitTests):
    tool_constructor = DuckDuckGoSearch
    tool_invoke_params_example = {"query": "lamps"}  # noqa: RUF012 - same


class TestGoogleSearch(OfKeys):
    tool_constructor = GoogleSearch
    variable = GOOGLE.variable


class TestExaSearch(OfKeys):
    tool_constructor = ExaSearch
    variable = EXA.variable


class TestTavilySearch(OfKeys):
    tool_constructor = TavilySearch
    variable = TAVILY.variable


class OnLoopback(ToolsIntegrationTests):
    """A tool whose service runs while its test does."""

    site: Site
    search = EXA

    @pytest.fixture(autouse=True)
    def service(self) -> Iterator[None]:
        answers = {
            "/on": Page(body=ARTICLE),
            "/search": page(self.search.reply(3)),
            "/search.json": page(GOOGLE.reply(3)),
        }
        with serve(answers) as self.site:
            yield

    @property
    def tool_constructor_params(self):
        return {"api_key": KEY, "base_url": self.site.url(""), "seconds": 60}

    @property
    def tool_invoke_params_example(self):
        return {"query": "lamps"}


class TestVisitWebsiteReally(OnLoopback):
    tool_constructor = VisitWebsite

    @property
    def tool_constructor_params(self):
        return {"allow_private": True, "seconds": 60}

    @property
    def tool_invoke_params_example(self):
        return {"url": self.site.url("/on")}


class TestGoogleSearchReally(OnLoopback):
    tool_constructor = GoogleSearch


class TestExaSearchReally(OnLoopback):
    tool_constructor = ExaSearch


class TestTavilySearchReally(OnLoopback):
    tool_constructor = TavilySearch
    search = TAVILY


class TestDuckDuckGoSearchReally(ToolsIntegrationTests):
    tool_constructor = DuckDuckGoSearch
    tool_invoke_params_example = {"query": "lamps"}  # noqa: RUF012 - as the suite wants it

    @pytest.fixture(autouse=True)
    def service(self, tmp_path) -> Iterator[None]:
        context = server_context(tmp_path, "html.duckduckgo.com")
        with serve({"/html/": Page(body=results(3))}, tls=context) as site, proxy_to(site.port) as proxy:
            self.params = {"proxy": proxy.url, "verify_certificates": authority_file(tmp_path), "seconds": 60}
            yield

    @property
    def tool_constructor_params(self):
        return self.params

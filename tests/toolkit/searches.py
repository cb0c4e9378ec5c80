"""The three searches that speak JSON over HTTP, and what their services answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool

from lumo_graph.toolkit import ExaSearch, GoogleSearch, TavilySearch
from tests.web.sites import Page

KEY = "sk-very-secret-0123456789"


def page(reply: Any, **options: Any) -> Page:
    return Page(
        body=reply if isinstance(reply, (bytes, str)) else json.dumps(reply), kind="application/json", **options
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One of them."""

    service: str
    variable: str
    path: str
    tool: Callable[..., BaseTool]
    reply: Callable[[int], dict[str, Any]]
    """An answer with so many results."""

    def at(self, base_url: str, **options: Any) -> BaseTool:
        return self.tool(**{"api_key": KEY, "base_url": base_url, "seconds": 60, **options})


def _exa(count):
    return {
        "requestId": "r",
        "resolvedSearchType": "neural",
        "results": [
            {
                "id": str(number),
                "url": f"https://exa.example/{number}",
                "title": f"Exa {number}",
                "publishedDate": "2024-05-06T07:08:09.000Z",
                "author": "Ann",
                "text": "Text of the page.",
            }
            for number in range(count)
        ],
        "costDollars": {"total": 0.005},
    }


def _tavily(count):
    return {
        "query": "q",
        "answer": None,
        "images": [],
        "results": [
            {
                "title": f"Tavily {number}",
                "url": f"https://tavily.example/{number}",
                "content": "Content.",
                "score": 0.9,
            }
            for number in range(count)
        ],
        "response_time": 1.2,
    }


def _google(count):
    return {
        "search_metadata": {"status": "Success"},
        "organic_results": [
            {
                "position": number + 1,
                "title": f"Google {number}",
                "link": f"https://google.example/{number}",
                "snippet": "Snippet.",
                "source": "Example",
                "date": "6 May 2024",
            }
            for number in range(count)
        ],
    }


EXA = Search(service="Exa", variable="EXA_API_KEY", path="/search", tool=ExaSearch, reply=_exa)
TAVILY = Search(service="Tavily", variable="TAVILY_API_KEY", path="/search", tool=TavilySearch, reply=_tavily)
GOOGLE = Search(service="SerpAPI", variable="SERPAPI_API_KEY", path="/search.json", tool=GoogleSearch, reply=_google)
SEARCHES = (EXA, TAVILY, GOOGLE)

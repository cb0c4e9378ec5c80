"""Getting a page: redirects one by one, robots.txt asked, busy servers asked again, and never more than a limit."""

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

import httpx2
from langchain_core.tools import ToolException

from lumo_graph.excerpts import shorten
from lumo_graph.toolkit.retries import BUSY_STATUSES, BusyError, retrying, wait_asked_for
from lumo_graph.toolkit.robots import allows

AGENT = "lumo-graph"


def _version() -> str:
    try:
        return version("lumo-graph")
    except PackageNotFoundError:  # a copy that was never installed
        return "0"


USER_AGENT = f"{AGENT}/{_version()}"
"""Who asks, as sites see it. robots.txt may name it without its version."""

_STATUSES = frozenset(HTTPStatus)
_UNUSUAL = re.compile(r"[^\w.,+ -]")
_ACCEPT = "text/html,application/xhtml+xml,text/markdown;q=0.9,text/plain;q=0.9,application/pdf;q=0.9,*/*;q=0.5"
_ROBOTS_BYTES = 512 * 1024
_SERVER_FAILED = 500
_URL_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A response, read as far as the limit goes."""

    url: str
    """Where it came from in the end, without a password."""
    content_type: str
    body: bytes = field(repr=False)
    complete: bool
    """Whether the limit left it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Gets pages with one client."""

    client: httpx2.AsyncClient
    max_bytes: int
    max_redirects: int
    attempts: int
    respect_robots: bool

    async def fetch(self, url: httpx2.URL) -> Fetched:
        """Get a page.

        Raises:
            ToolException: the page cannot be had; says why.
            httpx2.HTTPError: the network or the server failed.
            AddressError: the page is at, or leads to, an address that may not be connected to.
        """
        robots: dict[httpx2.Origin, str] = {}
        request = self._request(url)
        found: Fetched | httpx2.Request
        for _ in range(self.max_redirects + 1):
            if self.respect_robots:
                await self._check_robots(request.url, robots)
            found = await retrying(self.attempts)(self._get, request, self.max_bytes)
            if isinstance(found, Fetched):
                return found
            request = found
        raise ToolException(f"{shown(url)} redirects more than {self.max_redirects} times.")

    def _request(self, url: httpx2.URL) -> httpx2.Request:
        return self.client.build_request("GET", url, headers={"User-Agent": USER_AGENT, "Accept": _ACCEPT})

    async def _get(self, request: httpx2.Request, max_bytes: int) -> Fetched | httpx2.Request:
        """What a request gets: a page, or the request that a redirect leads to."""
        response = await self.client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is not None:
                return response.next_request
            _check_status(response)
            body, complete = await read_body(response, max_bytes)
        finally:
            await response.aclose()
        return Fetched(
            url=shown(request.url),
            content_type=response.headers.get("Content-Type", ""),
            body=body,
            complete=complete,
        )

    async def _check_robots(self, url: httpx2.URL, known: dict[httpx2.Origin, str]) -> None:
        if url.origin not in known:
            known[url.origin] = await self._robots(url)
        path = url.raw_path.decode("ascii", "replace")
        if not await asyncio.to_thread(allows, known[url.origin], AGENT, path):  # long rules take their time
            raise ToolException(f"The robots.txt of {url.host} does not let programs read {shown(url)}.")

    async def _robots(self, url: httpx2.URL) -> str:
        """The rules of a site; none where it has no robots.txt, or one that cannot be had."""
        request = self._request(url.copy_with(raw_path=b"/robots.txt", fragment=None))
        try:
            for _ in range(self.max_redirects + 1):
                found = await self._get(request, _ROBOTS_BYTES)
                if isinstance(found, Fetched):
                    return found.body.decode("utf-8", "replace")
                request = found
        except (ToolException, BusyError, httpx2.HTTPError, httpx2.InvalidURL):
            # Whoever asks is a person's agent that reads one page, and the page itself will tell what is wrong.
            return ""
        return ""


async def read_body(response: httpx2.Response, max_bytes: int) -> tuple[bytes, bool]:
    """The body of a response up to a limit, which counts what it is decompressed to, and whether that is all of it.

    Raises:
        ToolException: it is compressed in a way that cannot be read.
    """
    _check_encoding(response)
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            return b"".join(parts)[:max_bytes], False
    return b"".join(parts), True


def shown(url: httpx2.URL) -> str:
    """A URL as it is shown: without a password, without what only a browser needs, and not without end."""
    return shorten(str(url.copy_with(username=None, password=None, fragment=None)), _URL_CHARS)


def _check_encoding(response: httpx2.Response) -> None:
    known = {coding.strip() for coding in response.request.headers.get("Accept-Encoding", "").split(",")}
    used = [coding.strip().lower() for coding in response.headers.get("Content-Encoding", "").split(",")]
    used = [coding for coding in used if coding not in ("", "identity")]
    if len(used) > 1 or not known.issuperset(used):
        how = _UNUSUAL.sub("?", ", ".join(used))[:40]
        raise ToolException(f"{shown(response.request.url)} is compressed as {how!r}, which cannot be read here.")


def _check_status(response: httpx2.Response) -> None:
    if response.is_success:
        return
    # The phrase that the server sends is its own to choose, and this is no quotation.
    status = response.status_code
    known = HTTPStatus(status).phrase if status in _STATUSES else ""
    said = f"{shown(response.request.url)} answered with status {status} {known}".strip()
    if status in BUSY_STATUSES:
        asked = wait_asked_for(response)
        wait = f" and asks to wait {asked:.0f} s" if asked else ""
        raise BusyError(f"{said}{wait}.", retry_after=asked)
    if status >= _SERVER_FAILED:
        raise ToolException(f"{said}: the site has a failure of its own.")
    raise ToolException(f"{said}. Check the address, or try another site.")

"""HTTP to public addresses only: whatever a URL, a redirect or a DNS server says."""

from lumo_graph.errors import ConfigurationError

try:
    import httpx2 as _httpx2
except ModuleNotFoundError as _error:
    raise ConfigurationError(
        "Reaching the web needs a package that is not installed: pip install 'lumo-graph[tools]'."
    ) from _error

del _httpx2

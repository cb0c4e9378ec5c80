"""Which key goes to which server: by scheme, host and port exactly, and to no other. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult

PROVIDERS: Mapping[str, str] = MappingProxyType({
    "https://api.openai.com": "OPENAI_API_KEY",
    "https://generativelanguage.googleapis.com": "GOOGLE_API_KEY",
    "https://api.groq.com": "GROQ_API_KEY",
    "https://api.anthropic.com": "ANTHROPIC_API_KEY",
})  # fmt: skip
"""Origin of a provider to the variable that holds its key."""

_PORTS = {"https": 443, "http": 80}


def origin_of(url: SplitResult) -> str:
    """Scheme, host and port of an address, in one spelling: `https://api.openai.com`, `http://127.0.0.1:8000`."""
    host = (url.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if url.port in (None, _PORTS.get(url.scheme)) else f":{url.port}"
    return f"{url.scheme.lower()}://{host}{port}"


def provider_keys(environ: Mapping[str, str], providers: Mapping[str, str] = PROVIDERS) -> dict[str, str]:
    """Origin to key, of the providers whose variable is set."""
    return {origin: key for origin, name in providers.items() if (key := environ.get(name, "").strip())}

"""A model by the name and the address that a client sends: asked with the key of that address, or with none."""

from collections.abc import Mapping

from langchain_core.language_models import BaseChatModel

from lumo_graph.errors import ConfigurationError
from lumo_graph.models.keys import PROVIDERS, origin_of
from lumo_graph.models.providers import Clients, parse_base_url, resolve_model


def addressed_model(
    name: str, base_url: str, *, keys: Mapping[str, str], clients: Clients | None = None
) -> BaseChatModel:
    """The chat model.

    Args:
        name: as the server at `base_url` knows it; `openai:` before it changes nothing.
        base_url: of a server that speaks the OpenAI protocol, with or without `/chat/completions`.
        keys: origin (`https://api.openai.com`) to key. A server whose origin is not among them gets no key.
        clients: see `resolve_model`.

    Raises:
        ConfigurationError: the name or the address cannot be used, or a provider's key is missing.
    """
    known = name.strip().removeprefix("openai:").strip()
    if not known or not known.isprintable():
        raise ConfigurationError(f"model must be the name of a model, such as 'gpt-4.1-nano', not {name!r}.")
    origin = origin_of(parse_base_url(base_url))
    key = keys.get(origin)
    if key is None and origin in PROVIDERS:
        raise ConfigurationError(f"There is no key for {origin}: {PROVIDERS[origin]} is not set where lumo_graph runs.")
    return resolve_model(f"openai:{known}", base_url=base_url, api_key=key, clients=clients)

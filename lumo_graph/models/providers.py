"""From a name such as `openai:gpt-4.1-nano` to a chat model, with every key kept to the host it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

OPENAI_URL = "https://api.openai.com/v1"
EXAMPLE = "'openai:gpt-4.1-nano'"

_PLACEHOLDER_KEY = "no-key"
"""Sent where no key is given and the host is not OpenAI's: most local servers want any key at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The HTTP clients that a model is asked through, as its SDK takes them."""

    sync: Any
    for_loop: Any
    """The one for event loops."""


def resolve_model(
    model: str | BaseChatModel,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    clients: Clients | None = None,
) -> BaseChatModel:
    """Make a chat model from its name, or pass one through.

    Args:
        model: `"openai:NAME"` for OpenAI and every server that speaks its protocol, `"PROVIDER:NAME"` for the other
            providers of the `langchain` package, or a LangChain chat model, which is returned as it is.
        base_url: address of the API, with or without `/chat/completions`. None: the provider's own.
        api_key: key of the API. None: the provider's environment variable, which reaches the provider's own host
            only; other hosts of `openai:` models get a placeholder.
        clients: what an `openai:` model is asked through, such as those of `lumo_graph.web.public`; they stay open.
            None: its SDK's own.

    Returns:
        A chat model that does not retry by itself if it is an `openai:` one: `call_model` does.

    Raises:
        ConfigurationError: the name or the address cannot be used, a package or a key is missing.
    """
    if isinstance(model, BaseChatModel):
        if base_url is not None or api_key is not None:
            raise ConfigurationError(
                "base_url and api_key are for a model given by name. Set them on the model object."
            )
        return model
    if not isinstance(model, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigurationError(f"model must be a name such as {EXAMPLE} or a LangChain chat model, not {model!r}.")
    provider, colon, name = model.strip().partition(":")
    provider, name = provider.strip(), name.strip()
    if not colon or not provider or not name:
        raise ConfigurationError(
            f"The model {model!r} has no provider. Write it as 'provider:name', such as {EXAMPLE}."
        )
    url = None if base_url is None else parse_base_url(base_url)
    key = None if api_key is None else _check_key(api_key)
    if provider == "openai":
        return _openai(name, url, key, clients)
    if clients is not None:
        raise ConfigurationError(f"clients are for models such as {EXAMPLE}, not for {model!r}.")
    return _from_langchain(provider, name, url, key)


def model_name(model: BaseChatModel) -> str:
    """The name of a model as its provider knows it; the kind of model if it has none."""
    for attribute in ("model_name", "model", "model_id", "deployment_name"):
        value = getattr(model, attribute, None)
        if isinstance(value, str) and value:
            return value
    return model._llm_type  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what LangChain calls a model's kind


def secrets_of(model: BaseChatModel) -> Iterator[str]:
    """The keys a model holds, to keep them out of messages."""
    for value in vars(model).values():
        if isinstance(value, SecretStr):
            yield value.get_secret_value()


def _openai(name: str, url: SplitResult | None, key: str | None, clients: Clients | None) -> "ChatOpenAI":
    try:
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - an extra, and slow to import
        from openai import OpenAIError  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The model 'openai:{name}' needs a package that is not installed: pip install 'lumo-graph[openai]'."
        ) from error
    own_host = url is None or (url.scheme, url.netloc) in {
        ("https", "api.openai.com"),
        ("https", "api.openai.com:443"),
    }
    if key is None and not own_host:
        key = _PLACEHOLDER_KEY
    # Left out rather than None, which some versions take for a key that is not there.
    given: dict[str, Any] = {} if key is None else {"api_key": SecretStr(key)}
    if clients is not None:
        given |= {"http_client": clients.sync, "http_async_client": clients.for_loop}
    try:
        model = ChatOpenAI(
            model=name,
            # Always given: else the environment could send the key to another host.
            base_url=OPENAI_URL if url is None else urlunsplit(url),
            max_retries=0,
            stream_usage=True,
            # Its wait for each chunk loses cancellations before Python 3.12; `acall_model` waits by itself.
            stream_chunk_timeout=None,
            # A connection that is kept belongs to one event loop; used from the next one it fails. A new connection
            # for every call costs two round trips beside the seconds of a reply, and leaves no socket behind.
            default_headers={"Connection": "close"},
            **given,
        )
    except OpenAIError as error:
        raise ConfigurationError(_missing_key(name)) from error
    except Exception as error:
        if type(error).__name__ != "InvalidURL":  # of httpx or httpx2, as the SDK's version has it
            raise
        raise ConfigurationError(f"base_url is not an address: {error}. Write it as 'https://host/v1'.") from None
    if model.openai_api_key is None:
        raise ConfigurationError(_missing_key(name))
    if not own_host:
        _forget_account(model)
    return model


def _missing_key(name: str) -> str:
    return (
        f"The model 'openai:{name}' needs a key: pass api_key=, set OPENAI_API_KEY, or pass the base_url of a server."
    )


def _forget_account(model: "ChatOpenAI") -> None:
    """Take back what the client read from the environment about an OpenAI account: another host must not see it."""
    model.openai_organization = None
    for client in (model.root_client, model.root_async_client):
        client.organization = None
        client.project = None
        # OPENAI_CUSTOM_HEADERS may hold credentials; the client has no public way to leave it out.
        client._custom_headers = dict(model.default_headers or {})  # noqa: SLF001


def _from_langchain(provider: str, name: str, url: SplitResult | None, key: str | None) -> BaseChatModel:
    if find_spec("langchain") is None:
        raise ConfigurationError(
            f"The model '{provider}:{name}' needs packages that are not installed: "
            f"pip install langchain langchain-{provider.replace('_', '-')}. "
            f"For a server that speaks the OpenAI protocol use 'openai:{name}' with its base_url."
        )
    if url is not None and key is None:
        raise ConfigurationError(
            f"The model '{provider}:{name}' with a base_url needs api_key=: the key in the environment is for the "
            "provider's own host. Pass any text if the server needs none."
        )
    init_chat_model = import_module("langchain.chat_models").init_chat_model

    options: dict[str, Any] = {}
    if url is not None:
        options["base_url"] = urlunsplit(url)
    if key is not None:
        options["api_key"] = key
    try:
        return init_chat_model(name, model_provider=provider, **options)
    except (ImportError, ValueError) as error:
        # A validation error repeats its input, the key included.
        raise ConfigurationError(
            f"The model '{provider}:{name}' could not be made ({type(error).__name__}). Check the provider's name, "
            f"that langchain-{provider.replace('_', '-')} is installed, and that its key is set."
        ) from None


def parse_base_url(base_url: str) -> SplitResult:
    """A base URL without the path of a single endpoint.

    Raises:
        ConfigurationError: it is not an http(s) address, or holds what does not belong into one.
    """
    text = base_url.strip()
    example = "Write it as 'https://host/v1'."
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is not an address: {error}. {example}") from None
    if "@" in url.netloc:
        raise ConfigurationError(f"base_url holds a user or a password. Pass the key as api_key. {example}")
    if url.scheme not in {"http", "https"} or not url.hostname:
        shown = f"{url.scheme}://{url.hostname or ''}"  # the rest may hold a key
        raise ConfigurationError(f"base_url {shown!r} is not an http or https address. {example}")
    if url.query or url.fragment or not text.isprintable() or any(char in text for char in " \\?#"):
        plain = f"{url.scheme}://{url.netloc}{url.path}"
        raise ConfigurationError(f"base_url {plain!r} must be only a host and a path. {example}")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    path = url.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return SplitResult(url.scheme, host if port is None else f"{host}:{port}", path, "", "")


def _check_key(api_key: str) -> str:
    key = api_key.strip()
    if not key:
        raise ConfigurationError("api_key is empty. Pass a key, or leave it out.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError("api_key holds characters that no HTTP header can carry. Copy the key again.")
    return key

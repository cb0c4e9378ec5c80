"""Our interpreter for agents of LangChain."""

from lumo_graph.errors import ConfigurationError

try:
    from lumo_graph.middleware.code import CodeActionMiddleware
except ModuleNotFoundError as error:
    if not (error.name or "").startswith("langchain"):
        raise
    raise ConfigurationError(
        "CodeActionMiddleware needs a package that is not installed: pip install 'lumo-graph[langchain]'."
    ) from error

__all__ = ["CodeActionMiddleware"]

"""Chat models: made from a name, asked with retries, their replies read into plain messages and usage."""

from lumo_graph.models.calls import MAX_REPLY_CHARS, acall_model, call_model
from lumo_graph.models.providers import model_name, resolve_model
from lumo_graph.models.replies import CUT_MARK, usage_of
from lumo_graph.models.retries import RetryPolicy

__all__ = [
    "CUT_MARK",
    "MAX_REPLY_CHARS",
    "RetryPolicy",
    "acall_model",
    "call_model",
    "model_name",
    "resolve_model",
    "usage_of",
]

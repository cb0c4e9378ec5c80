"""Tools: what code calls as typed Python and a model calls as functions, behind one door."""

from lumo_graph.tools.background import run_in_background
from lumo_graph.tools.door import AGENT, IDEMPOTENCY_KEY
from lumo_graph.tools.effects import Effects, OnUnknown, declare_effects
from lumo_graph.tools.handing import HAND
from lumo_graph.tools.rendering import bounded_args, preview, reply_text
from lumo_graph.tools.toolbox import Toolbox, make_toolbox

__all__ = [
    "AGENT",
    "HAND",
    "IDEMPOTENCY_KEY",
    "Effects",
    "OnUnknown",
    "Toolbox",
    "bounded_args",
    "declare_effects",
    "make_toolbox",
    "preview",
    "reply_text",
    "run_in_background",
]

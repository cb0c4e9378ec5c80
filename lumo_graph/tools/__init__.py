"""Tools: what code calls as typed Python and a model calls as functions, behind one door."""

from lumo_graph.tools.rendering import preview, reply_text
from lumo_graph.tools.toolbox import Toolbox, make_toolbox

__all__ = ["Toolbox", "make_toolbox", "preview", "reply_text"]

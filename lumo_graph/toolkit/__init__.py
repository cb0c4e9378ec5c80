"""Ready tools."""

from lumo_graph.toolkit.interpreter import PythonInterpreter

__all__ = ["PythonInterpreter"]

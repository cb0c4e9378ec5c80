"""Code as a tool: what a function-calling model computes with, in the jail and with the variables of its thread."""

from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from lumo_graph.dialects import PYTHON_INTERPRETER, observe_execution
from lumo_graph.executors import ProcessExecutor
from lumo_graph.limits import Limits
from lumo_graph.types import Executor, ToolReply, ToolRequest

DESCRIPTION = (
    "Run Python code, and see what it printed, the value of its last expression, or its error. "
    "Use it for everything that can be computed."
)


class PythonCode(BaseModel):
    """Arguments of `python_interpreter`."""

    code: str = Field(description="Python source. Print what you want to see, or end with an expression.")


class PythonInterpreter(BaseTool):
    """`python_interpreter` for function calling.

    Among the tools of an agent of this library it stands for the agent's own sessions: the same jail, files and limits
    as for code actions, variables that stay from call to call and are in every checkpoint, the agent's other tools as
    functions, and calls of them that are recorded and can wait for a person. `executor` and `limits` of the tool count
    for nothing there. An agent that acts by code has no use for it, and leaves it out.

    Anywhere else it is a LangChain tool whose every call has a new interpreter, and no tools.

    Args:
        executor: runs the code; a `ProcessExecutor` unless given.
        limits: of one call: `action_seconds`, `memory_mb`, `disk_mb`, `max_observation_chars`.
    """

    name: str = PYTHON_INTERPRETER
    description: str = DESCRIPTION
    args_schema: Any = PythonCode
    executor: Any = Field(default=None, exclude=True, repr=False)
    limits: Limits = Limits()

    def _run(self, code: str) -> str:
        executor: Executor = self.executor or ProcessExecutor()
        session = executor.open(limits=self.limits)
        try:
            execution = session.execute(code, seconds=self.limits.action_seconds, serve=_no_tools)
        finally:
            session.close()
        return observe_execution(execution, limit=self.limits.max_observation_chars).removeprefix("Observation:\n")


def _no_tools(request: ToolRequest) -> ToolReply:
    return ToolReply(error=f"There is no tool {request.name!r} here.", error_type="NameError")

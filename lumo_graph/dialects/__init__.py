"""How the agent and its model speak: prompts, stubs, the parsing of replies, observations. Pure functions."""

from lumo_graph.dialects.actions import (
    Action,
    Answer,
    CallTools,
    RunCode,
    Unparsable,
    action_from_dict,
    action_to_dict,
)
from lumo_graph.dialects.answers import check_answer, literal_answer, response_schema
from lumo_graph.dialects.debug import debug_brief
from lumo_graph.dialects.dialect import CodeDialect, Dialect, Facts
from lumo_graph.dialects.ending import last_call_prompt
from lumo_graph.dialects.observe import observe_execution, observe_rejected_answer, observe_unparsable
from lumo_graph.dialects.parse import PYTHON_INTERPRETER, parse_code_reply, parse_tool_reply, thought_of
from lumo_graph.dialects.planning import plan_prompt, replan_prompt
from lumo_graph.dialects.preflight import check_action
from lumo_graph.dialects.prompt import Interpreter, code_prompt, interpreter_prompt, tool_prompt, variables_note
from lumo_graph.dialects.schemas import answer_arguments
from lumo_graph.dialects.spoken import check_agent_type, check_dialects, dialect_of, read_reply, read_thought
from lumo_graph.dialects.stubs import render_stub
from lumo_graph.excerpts import shorten

__all__ = [
    "PYTHON_INTERPRETER",
    "Action",
    "Answer",
    "CallTools",
    "CodeDialect",
    "Dialect",
    "Facts",
    "Interpreter",
    "RunCode",
    "Unparsable",
    "action_from_dict",
    "action_to_dict",
    "answer_arguments",
    "check_action",
    "check_agent_type",
    "check_answer",
    "check_dialects",
    "code_prompt",
    "debug_brief",
    "dialect_of",
    "interpreter_prompt",
    "last_call_prompt",
    "literal_answer",
    "observe_execution",
    "observe_rejected_answer",
    "observe_unparsable",
    "parse_code_reply",
    "parse_tool_reply",
    "plan_prompt",
    "read_reply",
    "read_thought",
    "render_stub",
    "replan_prompt",
    "response_schema",
    "shorten",
    "thought_of",
    "tool_prompt",
    "variables_note",
]

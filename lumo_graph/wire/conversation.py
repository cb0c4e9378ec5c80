"""Messages of a conversation and servers of tools, as Lumo's clients write them."""

import json
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from lumo_graph.wire.depth import check_depth


class MessageRole(str, Enum):  # noqa: UP042 - as Lumo's SDK has it
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"


class Function(BaseModel):
    """What a tool call calls."""

    name: str
    arguments: dict[str, Any]

    @field_validator("arguments", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        try:
            read = json.loads(given or "{}")
        except (ValueError, RecursionError):
            raise ValueError("it is text that is not JSON") from None
        check_depth(read, "arguments")
        return read


class ToolCall(BaseModel):
    """A tool call."""

    id: str
    type: str
    function: Function


class Message(BaseModel):
    """One message."""

    role: MessageRole
    content: str
    tool_call_id: Annotated[str | None, Field(description="Of the call that a tool answers.")] = None
    tool_calls: Annotated[list[ToolCall] | None, Field(max_length=1000)] = None

    @field_validator("content", mode="before")
    @classmethod
    def _may_be_nothing(cls, content: Any) -> Any:
        return "" if content is None else content  # as OpenAI's own messages with tool calls

    def as_chat(self) -> dict[str, Any]:
        """The message as OpenAI's API has it."""
        chat: dict[str, Any] = {"role": self.role.value, "content": self.content}
        if self.tool_call_id is not None:
            chat["tool_call_id"] = self.tool_call_id
        if self.tool_calls:
            chat["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": json.dumps(call.function.arguments)},
                }
                for call in self.tool_calls
            ]
        return chat


class MCPServer(BaseModel):
    """A server of tools that is a process."""

    command: str
    args: list[str]
    env: dict[str, str] | None = None

"""The scripted model of the libraries that use LangChain's chat models."""

from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from measuring import CODE, THOUGHT
from pydantic import PrivateAttr

ACTION = f"{THOUGHT}\n```python\n{CODE}\n```"
_USAGE = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}


class ScriptedChat(BaseChatModel):
    """Replies the same action until its last reply, which closes the run."""

    replies: int
    """Number of replies, the closing one included."""
    closing: str
    action: str = ACTION
    before_closing: Callable[[], object] = lambda: None
    """Called when the last reply is asked for."""

    _given: int = PrivateAttr(default=0)

    def next_reply(self) -> str:
        """The text of the next reply."""
        self._given += 1
        if self._given < self.replies:
            return self.action
        self.before_closing()
        return self.closing

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        message = AIMessage(self.next_reply(), usage_metadata=_USAGE)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        *words, last = self.next_reply().split(" ")
        for word in words:
            yield ChatGenerationChunk(message=AIMessageChunk(f"{word} "))
        yield ChatGenerationChunk(message=AIMessageChunk(last, usage_metadata=_USAGE, chunk_position="last"))

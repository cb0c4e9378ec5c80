"""smolagents' CodeAgent with its local interpreter."""

from pathlib import Path
from typing import Any

from measuring import CODE, TASK, THOUGHT, Run, main
from smolagents import ChatMessage, CodeAgent, Model
from smolagents.models import MessageRole
from smolagents.monitoring import LogLevel, TokenUsage

ACTION = f"{THOUGHT}\n<code>\n{CODE}\n</code>"
CLOSING = "<code>\nfinal_answer(1)\n</code>"


class Scripted(Model):
    """Replies the same action until its last reply, which closes the run."""

    def __init__(self, replies: int) -> None:
        super().__init__(model_id="scripted")
        self._left = replies

    def generate(self, *_: Any, **__: Any) -> ChatMessage:
        """The next reply."""
        self._left -= 1
        return ChatMessage(
            role=MessageRole.ASSISTANT,
            content=ACTION if self._left > 0 else CLOSING,
            token_usage=TokenUsage(input_tokens=100, output_tokens=10),
        )


def solve(steps: int, store: Path | None) -> Run:
    """One run. There is no checkpointer."""
    agent = CodeAgent(tools=[], model=Scripted(steps), max_steps=steps + 1, verbosity_level=LogLevel.OFF)
    answer = agent.run(TASK)
    if answer != 1 or len(agent.memory.steps) != steps + 1:
        raise RuntimeError(f"smolagents made {len(agent.memory.steps) - 1} steps and answered {answer!r}.")
    texts = [part["text"] for message in agent.write_memory_to_messages()[1:] for part in message.content]
    return Run(chars=sum(map(len, texts)))


if __name__ == "__main__":
    main("smolagents", solve)

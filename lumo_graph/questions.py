"""Which question a decision is about: a decision that names its question answers no other. Pure."""

import re
from collections.abc import Collection, Sequence

from lumo_graph.errors import ConfigurationError

SHORT = 8
"""As many digits of an id name a question."""
_ID = re.compile(f"[0-9a-f]{{{SHORT},32}}")


def check_name(question: object) -> str:
    """The id of a question, or the beginning of one.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(question, str) or not _ID.fullmatch(question):
        raise ConfigurationError(
            f"question must be the 'id' of what waits (RunResult.pending), or at least its first {SHORT} digits, "
            f"not {question!r}."
        )
    return question


def check_waits(question: str, waiting: Sequence[str], answered: Collection[str], thread_id: str | None) -> None:
    """Refuse a decision about a question that does not wait.

    Args:
        question: its id, or the beginning of it.
        waiting: ids of the questions that were asked last.
        answered: ids of the questions that have an answer: a run that was killed then has asked no other yet.
        thread_id: of the run.

    Raises:
        ConfigurationError: another one waits, or this one is answered.
    """
    named = [one for one in waiting if one.startswith(question)]
    if any(one not in answered for one in named):
        return
    if named:
        raise ConfigurationError(
            f"Question {question!r} of thread {thread_id!r} is answered already, and this decision was not taken: "
            "resume the thread without a decision, and it goes on."
        )
    others = ", ".join(repr(one[: len(question)]) for one in waiting)
    raise ConfigurationError(
        f"Question {question!r} does not wait in thread {thread_id!r}: {others} does. Nothing was answered or done. "
        "Resume the thread without a decision to see what waits: `lumo resume` shows it, and RunResult.pending has it."
    )

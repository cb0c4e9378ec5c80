"""The prompt of the one extra call that a run gets when it reaches a limit."""

from collections.abc import Mapping

_REASONS: Mapping[str, str] = {
    "max_steps": "All the steps of this run are used.",
    "max_debug_attempts": "The code has failed too many times in a row.",
    "budget": "The budget of this run is used up.",
}

_LAST_CALL = """\
{reason} Nothing more can be run, no code and no tool.

Answer the task now, from what the observations so far have shown. Write the answer itself, in the form that was asked \
for; a code block would not run. If something is missing or not certain, say what. Do not invent results."""


def last_call_prompt(outcome: str) -> str:
    """The request to answer with what there is.

    Args:
        outcome: the limit that was reached, such as `max_steps`.
    """
    return _LAST_CALL.format(reason=_REASONS.get(outcome, "This run must end here."))

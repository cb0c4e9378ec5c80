"""The contract of executors, as checks that their authors can run. Needs no test framework."""

from collections.abc import Callable

from lumo_graph.testing.contract import RULES
from lumo_graph.types import Executor


class BrokenRuleError(AssertionError):
    """An executor breaks a rule of the contract.

    Attributes:
        rule: name of the rule.
    """

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule = rule


def check_executor(executor: Executor) -> None:
    """Run an executor through the contract of `Executor` and `Session`.

    Args:
        executor: opens real sessions; about thirty are opened, used for a moment and closed.

    Raises:
        BrokenRuleError: the first rule that it breaks, by name, and what it did instead.
    """
    for rule in RULES:
        try:
            rule(executor)
        except AssertionError as failure:
            raise BrokenRuleError(_name(rule), str(failure)) from failure
        except Exception as failure:
            raise BrokenRuleError(_name(rule), f"raised {failure!r}") from failure


def _name(rule: Callable[[Executor], None]) -> str:
    return rule.__name__.replace("_", " ").strip()

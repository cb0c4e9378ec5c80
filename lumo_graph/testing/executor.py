"""The contract of executors, as checks that their authors can run. Needs no test framework."""

from collections.abc import Callable, Collection

from lumo_graph.errors import ConfigurationError
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


def check_executor(executor: Executor, *, without: Collection[str] = ()) -> None:
    """Run an executor through the contract of `Executor` and `Session`.

    Args:
        executor: opens real sessions; about thirty are opened, used for a moment and closed.
        without: names of rules that it does not keep, such as `"tools work from threads"`; they are not run. An
            executor whose Python lacks something documents the rules that it has to leave out.

    Raises:
        ConfigurationError: `without` names a rule that does not exist.
        BrokenRuleError: the first rule that it breaks, by name, and what it did instead.
    """
    rules = {_name(rule): rule for rule in RULES}
    if unknown := sorted(set(without) - rules.keys()):
        raise ConfigurationError(f"There is no rule {unknown[0]!r}. The rules are: {', '.join(map(repr, rules))}.")
    for name, rule in rules.items():
        if name in without:
            continue
        try:
            rule(executor)
        except AssertionError as failure:
            raise BrokenRuleError(name, str(failure)) from failure
        except Exception as failure:
            raise BrokenRuleError(name, f"raised {failure!r}") from failure


def _name(rule: Callable[[Executor], None]) -> str:
    return rule.__name__.replace("_", " ").strip()

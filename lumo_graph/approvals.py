"""Which calls wait for a person."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from lumo_graph.decisions import DECISIONS, PYTHON, DecisionType, Request
from lumo_graph.errors import ConfigurationError

Predicate: TypeAlias = Callable[[dict[str, Any]], bool]
InterruptOn: TypeAlias = Mapping[str, bool | Predicate | Mapping[str, Any]]
"""Tool to whether its calls wait: True, a predicate on the arguments, or a mapping with `allowed_decisions`,
`description` (a text, or a function of the arguments) and `when` (a predicate)."""

_RULE_KEYS = ("allowed_decisions", "description", "when")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the calls of one tool wait, and what may be decided."""

    allowed: tuple[DecisionType, ...] = DECISIONS
    description: str | Callable[[dict[str, Any]], str] | None = None
    when: Predicate | None = None


def parse_rules(interrupt_on: InterruptOn | None, tools: Sequence[str]) -> dict[str, Rule]:
    """Rules by the name of their tool.

    Args:
        interrupt_on: as the caller gives it.
        tools: names of the tools that there are.

    Raises:
        ConfigurationError: a tool does not exist, or a rule is none.
    """
    if interrupt_on is None:
        return {}
    if not isinstance(interrupt_on, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers do get it wrong
        raise ConfigurationError(f"interrupt_on must be a mapping of tools to rules, not {interrupt_on!r}.")
    known = (*tools, PYTHON)
    rules: dict[str, Rule] = {}
    for name, given in interrupt_on.items():
        if name not in known:
            raise ConfigurationError(f"interrupt_on names {name!r}, but the tools are: {', '.join(known)}.")
        if given is not False:
            rules[name] = _rule(name, given)
    return rules


def rules_of_run(rules: Mapping[str, Rule], begun_with: Iterable[str], lifted: Collection[str]) -> dict[str, Rule]:
    """The rules of a run, which it does not lose when it goes on without them.

    Args:
        rules: that are given now.
        begun_with: tools that had a rule when the run began. Of a rule that is not given now nothing else is known, so
            every call waits.
        lifted: tools that are to have none now.
    """
    kept = {name: Rule() for name in begun_with if name not in lifted}
    return {**kept, **rules}


def _rule(name: str, given: object) -> Rule:
    if given is True:
        return Rule()
    if isinstance(given, Mapping):
        options = cast("Mapping[str, Any]", given)
        if unknown := sorted(set(options) - set(_RULE_KEYS)):
            raise ConfigurationError(f"interrupt_on[{name!r}] has {unknown[0]!r}; it may have {', '.join(_RULE_KEYS)}.")
        allowed = tuple(options.get("allowed_decisions", DECISIONS))
        if not allowed or not set(allowed) <= set(DECISIONS):
            raise ConfigurationError(
                f"interrupt_on[{name!r}]: allowed_decisions must be some of {', '.join(DECISIONS)}, "
                f"not {list(allowed)!r}."
            )
        return Rule(
            allowed=cast("tuple[DecisionType, ...]", allowed),
            description=options.get("description"),
            when=options.get("when"),
        )
    if callable(given):
        return Rule(when=cast("Predicate", given))
    raise ConfigurationError(f"interrupt_on[{name!r}] must be a bool, a predicate or a mapping, not {given!r}.")


def request_for(rule: Rule | None, name: str, args: Mapping[str, Any], *, line: int | None = None) -> Request | None:
    """What a person is to be asked about a call; None if it need not wait. A predicate that fails means it must."""
    if rule is None:
        return None
    copied = dict(args)
    if rule.when is not None:
        try:
            if not rule.when(copied):
                return None
        except Exception:  # noqa: BLE001 - the user's; to ask is the safe side
            copied = dict(args)
    description = rule.description if isinstance(rule.description, str) else None
    if callable(rule.description):
        try:
            description = str(rule.description(dict(args)))
        except Exception:  # noqa: BLE001 - the user's
            description = None
    return Request(
        name=name,
        args=copied,
        description=description or f"{name} waits for your decision.",
        allowed=rule.allowed,
        line=line,
    )

import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.testing import check_executor, contract
from lumo_graph.testing.executor import BrokenRuleError
from lumo_graph.types import CodeError, Execution, Isolation, Snapshot


class Forgetful:
    """Runs code in this process, and begins every action with an empty namespace."""

    packages = ()

    def open(self, namespace=None, *, tools=(), limits):
        return ForgetfulSession()


class ForgetfulSession:
    isolation = Isolation(tier="none")

    def execute(self, code, *, seconds, serve, write=None):
        namespace = {}
        try:
            exec(code, namespace)  # noqa: S102 - the contract's own harmless actions
        except Exception as error:
            return Execution(error=CodeError(kind=type(error).__name__, message=str(error)))
        return Execution(variables={name: "" for name in namespace if not name.startswith("__")})

    def interrupt(self):
        pass

    def snapshot(self):
        return Snapshot(changed={})

    def close(self):
        pass


class Broken(Forgetful):
    def open(self, namespace=None, *, tools=(), limits):
        raise OSError("no room")


def test_the_process_executor_keeps_the_contract():
    check_executor(ProcessExecutor(require="none"))


def test_a_broken_rule_is_named_with_what_was_found():
    with pytest.raises(BrokenRuleError, match=r"variables persist between actions: .*rows") as caught:
        check_executor(Forgetful())
    assert caught.value.rule == "variables persist between actions"


def test_an_executor_that_raises_breaks_the_rule_it_was_at():
    with pytest.raises(BrokenRuleError, match="the isolation report names a tier: raised OSError"):
        check_executor(Broken())


def test_rules_that_an_executor_names_are_left_out():
    with pytest.raises(BrokenRuleError) as caught:
        check_executor(Forgetful(), without={"variables persist between actions", "variables can be deleted"})
    assert caught.value.rule == "functions see later globals"


def test_a_rule_that_does_not_exist_cannot_be_left_out():
    with pytest.raises(ConfigurationError, match="There is no rule 'classes'"):
        check_executor(Forgetful(), without={"classes"})


def test_every_rule_is_run_and_explained():
    defined = {
        value
        for module in (contract.again, contract.code, contract.tools, contract.endings)
        for value in vars(module).values()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    }
    assert defined == set(contract.RULES)
    assert all(rule.__doc__ for rule in contract.RULES)

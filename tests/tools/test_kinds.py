import functools

from langchain_core.tools import BaseTool, StructuredTool

from lumo_graph.tools.kinds import is_async_only, is_sync_only, without_partial


def run(a: int) -> int:
    return a


async def arun(a: int) -> int:
    return a


class Only(BaseTool):
    name: str = "only"
    description: str = ""

    def _run(self, a: int):
        """Not this way."""
        raise NotImplementedError(f"{self.name} is async")

    async def _arun(self, a: int):
        return a


class Never(BaseTool):
    name: str = "never"
    description: str = ""

    def _run(self, a: int):
        return a

    async def _arun(self, a: int):
        raise NotImplementedError


class Sometimes(Only):
    def _run(self, a: int):
        if a:
            raise NotImplementedError
        return a


def structured(**functions):
    return StructuredTool.from_function(**functions, name="t", description="")


def test_a_tool_is_what_its_functions_are():
    assert is_async_only(structured(coroutine=arun))
    assert not is_async_only(structured(func=run, coroutine=arun))
    assert not is_async_only(structured(func=run))
    assert is_sync_only(structured(func=run))
    assert not is_sync_only(structured(func=run, coroutine=arun))


def test_a_method_that_only_says_not_implemented_does_not_count():
    assert is_async_only(Only())
    assert not is_sync_only(Only())
    assert is_sync_only(Never())
    assert not is_async_only(Never())


def test_a_method_that_may_return_counts():
    assert not is_async_only(Sometimes())


def test_partials_are_looked_through():
    assert without_partial(functools.partial(functools.partial(run), a=1)) is run

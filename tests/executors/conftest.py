"""Sessions for the tests of executors."""

import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec

TOOLS = (
    ToolSpec(name="search", doc="Find pages.", parameters=(Parameter(name="query", annotation="str"),)),
    ToolSpec(
        name="rank",
        parameters=(
            Parameter(name="items", annotation="list[str]"),
            Parameter(name="top", annotation="int", default="3"),
            Parameter(name="key", annotation="str", keyword_only=True, default="'name'"),
        ),
    ),
    ToolSpec(name="fetch", parameters=(Parameter(name="url", annotation="str"),), is_async=True),
)


class Driver:
    """A session with short names, for tests."""

    def __init__(self, session):
        self.session = session

    def do(self, code, *, seconds=30.0, serve=None, write=None):
        return self.session.execute(code, seconds=seconds, serve=serve or echo, write=write)

    def value(self, code, **more):
        done = self.do(code, **more)
        assert done.error is None, done.error
        assert done.value is not None
        return done.value.json

    def error(self, code, **more):
        done = self.do(code, **more)
        assert done.error is not None
        return done.error


def echo(request):
    return ToolReply(value=dict(request.args))


@pytest.fixture(scope="session")
def executor():
    return ProcessExecutor(require="none")


@pytest.fixture
def driver(executor):
    session = executor.open(tools=TOOLS, limits=Limits(memory_mb=1024, disk_mb=8))
    yield Driver(session)
    session.close()


@pytest.fixture
def contained(driver):
    if driver.session.isolation.tier not in ("full", "fs"):
        pytest.skip(f"this machine contains nothing: {driver.session.isolation}")
    return driver

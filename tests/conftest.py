"""What every test shares."""

import os
import signal

import pytest

# Read once, when LangGraph is imported: checkpoints may hold primitives and declared types only.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
# No tracer of the machine the tests run on may watch them, and no proxy may stand before the loopback.
for name in [*os.environ]:
    if name.startswith(("LANGSMITH_", "PG", "LANGCHAIN_", "LUMO_", "OPENAI_")) or name.lower().endswith("_proxy"):
        del os.environ[name]

# A shell that starts the tests in the background has its children ignore it; some tests are about what it does.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend():
    """Tests marked `anyio` run on asyncio, as LangGraph does."""
    return "asyncio"


@pytest.fixture
def sent():
    """What `send` has sent."""
    return []


@pytest.fixture
def send(sent):
    """A tool whose effects can be counted."""

    def send(text: str) -> str:
        """Send a message."""
        sent.append(text)
        return f"{text} was sent"

    return send


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of this process's own."""
    from tests.postgres import running_server

    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """The URL of an empty store that other processes can open too."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    return request.getfixturevalue("postgres").new_database()

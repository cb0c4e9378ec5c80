"""What runs beside us, in an environment of its own: LangGraph's Agent Server and deepagents."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def platform_bin():
    """The `bin` of the environment that `make test` makes for them: their ranges exclude those of our own tools."""
    candidates = [ROOT / ".venv-platform" / "bin", Path(f"{sys.prefix}-platform") / "bin"]
    for found in candidates:
        if (found / "langgraph").is_file():
            return found
    missing = f"There is no environment in {candidates[0].parent}: `make test` makes it."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)

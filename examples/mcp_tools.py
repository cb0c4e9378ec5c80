"""Tools of an MCP server, as typed functions in the model's code.

    pip install 'lumo-graph[openai,mcp]'
    OPENAI_API_KEY=... python mcp_tools.py

The server is the last part of this file; yours is any command or URL.
"""

import os
import sys

from lumo_graph import run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")


def ask() -> None:
    """Run a task with the server's tools."""
    result = run(
        "What is 100 euros in yen and in pounds?",
        MODEL,
        base_url=BASE_URL,
        mcp_servers=[{"command": sys.executable, "args": [__file__, "serve"]}],
        agent_type="code-agent",
    )
    print(result.answer)


def serve() -> None:
    """A server with one tool, on its standard input and output."""
    from mcp.server.fastmcp import FastMCP  # noqa: PLC0415 - only the server needs it

    server = FastMCP("money")

    def convert(euros: float, currency: str) -> float:
        """Convert euros to another currency."""
        return round(euros * {"yen": 171.2, "pounds": 0.87}[currency], 2)

    server.tool()(convert)
    server.run()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else ask()

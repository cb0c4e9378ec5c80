"""Options that several commands have."""

from typing import Annotated

import typer

from lumo_graph.types import AGENT_TYPES

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", "--model-type", envvar="LUMO_MODEL", metavar="NAME",
        help="PROVIDER:NAME such as openai:gpt-4.1-nano, or file.py:name for a LangChain chat model of yours; with "
        "--model-id only the type: openai, ollama or gemini.",
    ),
]  # fmt: skip
ModelIdOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The model, where --model is its type: -m ollama --model-id qwen3.")
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key", "-k", metavar="KEY",
        help="Key of the model's API. Others on this machine can see it: better set the provider's variable.",
    ),
]  # fmt: skip
BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url", "-b", envvar="LUMO_BASE_URL", metavar="URL",
        help="Server that speaks the OpenAI protocol, such as http://localhost:11434/v1 for Ollama.",
    ),
]  # fmt: skip
ToolsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tools", "-t", "-l", metavar="SPEC",
        help="A ready tool such as duckduckgo_search or visit_website (`lumo doctor` lists them), module:name (a "
        "function, a LangChain tool or a list of them), file.py (its public functions and tools) or file.py:name. "
        "Several with commas between them, or given several times.",
    ),
]  # fmt: skip
McpOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mcp", metavar="SERVER",
        help='An MCP server whose tools the agent has: a FILE.json ({"mcpServers": {NAME: {"command": ..., "args": '
        "[...], \"env\": {...}}}}), 'COMMAND ARGS' or a URL. May be given several times.",
    ),
]  # fmt: skip
AgentTypeOption = Annotated[
    str,
    typer.Option(
        "--agent-type", "-a", metavar="|".join(AGENT_TYPES),
        help="How the model acts; in short mcp or code. Or the name of a dialect that is installed.",
    ),
]  # fmt: skip
CheckpointerOption = Annotated[
    str | None,
    typer.Option(
        envvar="LUMO_CHECKPOINTER", metavar="URL",
        help="Where threads are stored: sqlite:///FILE, postgresql://USER@HOST/DATABASE, or memory:// for nowhere. "
        "Default: lumo/runs.db in XDG_STATE_HOME (~/.local/state).",
    ),
]  # fmt: skip
FileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--file", "-f", metavar="PATH",
        help="A file or folder that the code finds in its working directory, for reading. May be given several times.",
    ),
]  # fmt: skip
ArtifactsOption = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Where to save the files that the code has made.")
]
SystemPromptOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Instructions for the model.")]
PlanningOption = Annotated[
    int | None,
    typer.Option("--planning-interval", "-p", metavar="N", help="Make a plan first, and again every N steps."),
]
InterruptOnOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOOL",
        help="Ask before calls of this tool (python_interpreter: before any code). May be given several times.",
    ),
]
TraceOption = Annotated[bool, typer.Option("--trace", help="Print where the time went, as a tree, at the end.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, and nothing else.")]

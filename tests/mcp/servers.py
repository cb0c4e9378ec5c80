"""MCP servers for the tests, each a real process: `python tests/mcp/servers.py KIND [ARGUMENTS]`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.types import ToolAnnotations
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int = 0


def useful(**settings: Any) -> FastMCP:  # noqa: C901, PLR0915 - a list
    """Tools of every kind."""
    server = FastMCP("useful", **settings)

    @server.tool()
    def add(left: int, right: int = 1) -> int:
        """Add two numbers."""
        return left + right

    @server.tool()
    def find_city(name: str) -> City:
        """Find a city."""
        return City(name=name, people=len(name))

    @server.tool(name="list-words")
    def list_words(text: str) -> list[str]:
        """Cut a text into words."""
        return text.split()

    @server.tool(structured_output=False)
    def echo(text: str) -> str:
        """Say it again."""
        return text

    @server.tool()
    def picture() -> Image:
        """A picture."""
        return Image(data=b"\x89PNG\r\n\x1a\n" + b"\0" * 92, format="png")

    @server.tool()
    def fail(why: str) -> str:
        """Fail."""
        raise ValueError(why)

    @server.tool()
    def environment() -> dict[str, str]:
        """What the server sees of the world."""
        return {**os.environ, "here": str(Path.cwd()), "pid": str(os.getpid())}

    @server.tool()
    def note(path: str, text: str) -> str:
        """Write a line to a file."""
        with Path(path).open("a") as file:
            file.write(f"{text}\n")
        return f"noted {text}"

    @server.tool()
    def note_and_die(path: str, text: str) -> str:
        """Write a line to a file, and end without an answer."""
        note(path, text)
        print("the end is near", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    @server.tool()
    def note_and_wait(path: str, text: str) -> str:
        """Write a line to a file, and take long to say so."""
        note(path, text)
        time.sleep(3)
        return "noted at last"

    @server.tool()
    def key_of_call(context: Context) -> str:
        """The key that the call came with."""
        meta = context.request_context.meta
        return str(meta and (meta.model_extra or {}).get("lumo-graph/idempotency-key"))

    @server.tool()
    async def wait(seconds: float, path: str = "") -> str:
        """Wait; write to a file if nobody waits for it any more."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if path:
                Path(path).write_text("cancelled")  # noqa: ASYNC240 - it ends here
            raise
        return "waited"

    @server.tool(structured_output=False)
    def big(size: int) -> str:
        """A long text."""
        return "x" * size

    @server.tool()
    async def chatter(context: Context) -> str:
        """Report progress, log, and write to stderr."""
        for step in range(20):
            await context.report_progress(step, 20)
            await context.info(f"step {step}")
        sys.stderr.write("noise\n" * 200_000)
        sys.stderr.flush()
        return "done"

    @server.tool()
    async def ask_person(context: Context) -> str:
        """Ask whoever is there."""
        return str(await context.elicit("sure?", City))

    @server.tool(annotations=ToolAnnotations(readOnlyHint=True, effects="none", on_unknown="nonsense"))
    def hinted(path: str) -> str:
        """Says that it only reads, and does not."""
        return note(path, "hinted")

    @server.tool(name="print")
    def print_(text: str) -> str:
        """Has the name of a builtin."""
        return f"printed {text}"

    @server.tool(name="größe 東京")
    def unicode(größe: str) -> str:  # noqa: PLC2401 - what is tested
        """Grüße aus 東京 🎌."""
        return f"{größe} 東京 🎌"

    @server.tool()
    def start_another() -> int:
        """Start a process that outlives its parent, and holds its stdout."""
        return subprocess.Popen(["sleep", "300"]).pid

    @server.tool()
    def end(code: int) -> str:
        """End after the answer."""
        asyncio.get_running_loop().call_later(0.1, os._exit, code)
        return "ending"

    return server


def raw(answers: dict[str, Any]) -> None:
    """Speak the protocol by hand, so that it can be spoken wrongly: a method to what it is answered with."""
    started = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "raw", "version": "1"}}
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            result = started if asked["method"] == "initialize" else answers[asked["method"]]
            print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)


def garbage() -> None:
    """Between its messages it prints what is none, and what nobody asked for."""
    for line in sys.stdin:
        print("Hello, I am a log line!\n\x1b[31m{broken json\n" + "\xff" * 3)
        for odd in (
            {"jsonrpc": "2.0", "method": "notifications/unheard_of", "params": {"a": 1}},
            {"jsonrpc": "2.0", "id": "not-ours", "result": {}},
            {"jsonrpc": "2.0", "id": 99_999, "result": {}},
            {"jsonrpc": "2.0", "id": 5, "method": "sampling/createMessage", "params": {"odd": True}},
            {"jsonrpc": "2.0", "id": 6, "method": "roots/list"},
        ):
            print(json.dumps(odd))
        asked = json.loads(line)
        if "method" not in asked or "id" not in asked:
            sys.stdout.flush()
            continue
        result: Any = {"content": [{"type": "text", "text": "fine"}, {"type": "hologram"}, 7]}
        if asked["method"] == "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "g", "version": "1"}}
        elif asked["method"] == "tools/list":
            result = {"tools": [{"name": "speak", "inputSchema": {}}, "nonsense", {"name": 5}, {"name": "speak"}]}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)


def many(count: int) -> None:
    """A server of many tools, on several pages."""
    tools = [
        {
            "name": f"tool_{number}",
            "description": f"Tool {number}. " + "It does a lot. " * 100,
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        }
        for number in range(count)
    ]
    started = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "m", "version": "1"}}
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        result: Any = {"content": [{"type": "text", "text": json.dumps(asked.get("params"))}]}
        if asked["method"] == "initialize":
            result = started
        elif asked["method"] == "tools/list":
            start = int((asked.get("params") or {}).get("cursor") or 0)
            result = {"tools": tools[start : start + 100]}
            if start + 100 < count:
                result["nextCursor"] = str(start + 100)
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)


def stubborn() -> None:
    """A useful server that neither the end of its stdin nor a SIGTERM ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, __file__, "useful"], start_new_session=False)
    child.wait()
    while True:
        time.sleep(60)


def main() -> None:
    kind, *arguments = sys.argv[1:]
    match kind:
        case "useful":
            useful().run()
        case "http":
            useful(port=int(arguments[0]), log_level="CRITICAL").run("streamable-http")
        case "raw":
            raw(json.loads(arguments[0]))
        case "garbage":
            garbage()
        case "many":
            many(int(arguments[0]))
        case "stubborn":
            stubborn()
        case "silent":
            time.sleep(300)
        case "broken":
            print(f"cannot find the key {os.environ.get('SECRET_KEY')}", file=sys.stderr)
            sys.exit(3)


if __name__ == "__main__":
    main()

"""What of a server's messages the session gets to hear: answers, and pings.

The rest is nothing that we asked for: progress, logs, news of other tools, and requests to ask a person or a model.
The SDK would validate them first, and log what does not validate to the root logger.
"""

import logging

from mcp.shared.message import SessionMessage
from mcp.types import (
    METHOD_NOT_FOUND,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
)

from lumo_graph.excerpts import one_line, readable
from lumo_graph.mcp.streams import ClosedError, EndedError, Incoming, Outgoing

_log = logging.getLogger(__name__)
_SHOWN = 300


async def hear(name: str, incoming: Incoming, heard: Outgoing, answers: Outgoing) -> None:
    """Pass on what is meant for the session, until the server has said all.

    Args:
        name: of the server, for the log.
        incoming: all that it sends.
        heard: for the session.
        answers: to the server.

    Raises:
        ClosedError: there is no more.
        EndedError: it sends what cannot be read.
    """
    async for message in incoming:
        if isinstance(message, Exception):
            raise EndedError(f"it sent what is no message: {_shown(str(message))}") from message
        said = message.message.root
        if isinstance(said, JSONRPCNotification):
            _log.debug("MCP server %r notifies: %s", name, _shown(said.model_dump_json()))
        elif isinstance(said, JSONRPCRequest):
            if said.method == "ping":
                await heard.send(message)
            else:
                await answers.send(_refusal(said))
        elif str(said.id).isdecimal():
            await heard.send(message)
    raise ClosedError("it has closed the connection")


def _refusal(request: JSONRPCRequest) -> SessionMessage:
    error = ErrorData(code=METHOD_NOT_FOUND, message="Not supported by this client.")
    return SessionMessage(JSONRPCMessage(JSONRPCError(jsonrpc="2.0", id=request.id, error=error)))


def _shown(text: str) -> str:
    return one_line(readable(text[: 4 * _SHOWN]), _SHOWN)

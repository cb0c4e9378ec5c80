"""What a tool of a server returns, as code and a model read it. Pure."""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.tools import ToolException
from pydantic import BaseModel

from lumo_graph.excerpts import one_line, readable

_SHOWN = 300
_WRAPPED = "result"


class RawResult(BaseModel):
    """A result before anything is made of it: a part that nobody knows spoils no other."""

    content: Any = None
    structuredContent: Any = None  # noqa: N815 - the protocol's name
    isError: Any = False  # noqa: N815 - same


def value_of(result: RawResult, schema: Mapping[str, Any] | None) -> Any:
    """The value of a result: structured content as data, else the text of its parts.

    Args:
        result: the result.
        schema: what the server says of its structured results. One that is wrapped, because it is no object, is given
            without the wrapping.

    Raises:
        ToolException: the tool has failed.
    """
    text = "\n".join(_part(part) for part in _parts(result.content))
    if result.isError:
        raise ToolException(text or "The tool has failed, and says no more.")
    if result.structuredContent is None:
        return text
    return _unwrapped(result.structuredContent, schema)


def unwrapped_schema(schema: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The schema of the values that `value_of` gives."""
    if schema is None or not _wraps(schema):
        return schema
    inner = schema["properties"][_WRAPPED]
    return cast("Mapping[str, Any]", inner)


def _wraps(schema: Mapping[str, Any]) -> bool:
    # Servers made in Python do so with numbers, text and lists: the protocol knows objects only.
    properties = schema.get("properties")
    return isinstance(properties, Mapping) and list(cast("Mapping[str, Any]", properties)) == [_WRAPPED]


def _unwrapped(value: Any, schema: Mapping[str, Any] | None) -> Any:
    if schema is None or not _wraps(schema) or not isinstance(value, Mapping):
        return value
    found = cast("Mapping[str, Any]", value)
    return found[_WRAPPED] if list(found) == [_WRAPPED] else found


def _parts(content: Any) -> list[Any]:
    return cast("list[Any]", content) if isinstance(content, list) else []


def _part(part: Any) -> str:
    """Text as it is; what else there may be, described: neither a model nor a checkpoint is given its bytes."""
    if not isinstance(part, Mapping):
        return f"[{type(part).__name__}]"
    found = cast("Mapping[str, Any]", part)
    match found.get("type"):
        case "text" if isinstance(found.get("text"), str):
            return str(found["text"])
        case "image" | "audio" as kind:
            return f"[{kind}: {_named(found.get('mimeType'))}, {_size(found.get('data'))}]"
        case "resource_link":
            name, about = found.get("name") or found.get("title"), found.get("description")
            told = ", ".join(_named(one) for one in (name, found.get("mimeType"), about) if one)
            return f"[resource {_named(found.get('uri'))}{': ' if told else ''}{told}]"
        case "resource":
            return _resource(found.get("resource"))
        case kind:
            return f"[{_named(kind)}]"


def _resource(resource: Any) -> str:
    found = cast("Mapping[str, Any]", resource if isinstance(resource, Mapping) else {})
    uri = _named(found.get("uri"))
    if isinstance(text := found.get("text"), str):
        return f"[resource {uri}]\n{text}"
    return f"[resource {uri}: {_named(found.get('mimeType'))}, {_size(found.get('blob'))}]"


def _named(value: Any) -> str:
    return one_line(readable(str(value)[: 4 * _SHOWN]), _SHOWN) if value else "unknown"


def _size(data: Any) -> str:
    """Size of what is written in Base64."""
    if not isinstance(data, str):
        return "no data"
    return f"{len(data) * 3 // 4 - data[-2:].count('='):,} bytes"

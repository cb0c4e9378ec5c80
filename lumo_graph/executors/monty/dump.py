"""A Monty session's namespace as bytes: what Monty dumps, with the version that can read it and a checksum."""

import hashlib
import zlib
from collections.abc import Mapping

from lumo_graph.errors import SnapshotError

COMPONENT = "monty"
"""The one component of a snapshot: Monty knows no smaller ones."""

_MAGIC = b"lumo monty "
_DIGEST = 32


def pack_dump(dump: bytes, version: str) -> bytes:
    """A dump as it is stored."""
    return _MAGIC + version.encode() + b"\n" + hashlib.sha256(dump).digest() + zlib.compress(dump, 1)


def unpack_dump(namespace: Mapping[str, bytes], version: str) -> bytes:
    """The dump in a stored namespace.

    Raises:
        SnapshotError: it is of another executor or another version of Monty, or it was damaged.
    """
    stored = namespace.get(COMPONENT, b"")
    if set(namespace) != {COMPONENT} or not stored.startswith(_MAGIC):
        raise SnapshotError("These variables were not saved by a Monty session; open them with the executor they had.")
    head, _, rest = stored.partition(b"\n")
    saved_by = head.removeprefix(_MAGIC).decode("utf-8", "replace")
    if saved_by != version:
        raise SnapshotError(
            f"These variables were saved by Monty {saved_by}, and this is {version}. "
            f"Install pydantic-monty=={saved_by} to go on with them."
        )
    try:
        dump = zlib.decompress(rest[_DIGEST:])
    except zlib.error as failure:
        raise SnapshotError(f"The saved variables are damaged: {failure}") from failure
    if hashlib.sha256(dump).digest() != rest[:_DIGEST]:
        raise SnapshotError("The saved variables are damaged: their checksum is wrong.")
    return dump

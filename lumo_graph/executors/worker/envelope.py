"""One component as bytes: what it holds, what it needs, and a digest that tells damage."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgpack

Root: TypeAlias = tuple[str, str]
"""Kind and name of what a component restores: `("variable", "rows")` or `("class", "Point")`."""
VARIABLE = "variable"
CLASS = "class"

_msgpack: Any = msgpack  # its types are mostly unknown
Bytes: TypeAlias = bytes | memoryview
_DIGEST_BYTES = 16
_MAX_READABLE = 60
_HEAD = 40


class DamagedError(ValueError):
    """Bytes that are not a component, or no longer the one that was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A pickle with what must be known about it before it is loaded."""

    roots: tuple[Root, ...]
    """What the pickled tuple holds, in its order."""
    needs: tuple[str, ...]
    """Names of the classes that must be loaded before."""
    parts: Sequence[Bytes]
    """The pickle, in pieces."""
    buffers: Sequence[Bytes] = ()
    """Large buffers of the pickle, in its order."""
    readonly: tuple[bool, ...] = ()
    """Which of the buffers must not be written to."""

    def digest(self) -> bytes:
        """Hash over everything the envelope holds."""
        digest = hashlib.blake2b(self._label(), digest_size=_DIGEST_BYTES)
        for part in (*self.parts, *self.buffers):
            digest.update(part)
        return digest.digest()

    def pack(self, digest: bytes) -> bytes:
        """The bytes to store."""
        pickled, buffers = b"".join(self.parts), [bytes(buffer) for buffer in self.buffers]
        fields = [digest, self.roots, self.needs, pickled, buffers, self.readonly]
        return pack_data(fields)

    def _label(self) -> bytes:
        sizes = (sum(map(len, self.parts)), *(memoryview(buffer).nbytes for buffer in self.buffers))
        return pack_data([self.roots, self.needs, self.readonly, sizes])


def pack_data(data: object) -> bytes:
    """Plain data as msgpack; strings may hold anything that a name of Python may."""
    return _msgpack.packb(data, unicode_errors="surrogatepass")


def unpack_data(data: bytes) -> Any:
    """The inverse of `pack_data`; lists come back as tuples."""
    return _msgpack.unpackb(data, use_list=False, unicode_errors="surrogatepass")


def unpack(data: bytes) -> Envelope:
    """The inverse of `Envelope.pack`.

    Raises:
        DamagedError: the bytes are not what `pack` made.
    """
    try:
        digest, roots, needs, pickled, buffers, readonly = unpack_data(data)
        roots = tuple((str(kind), str(name)) for kind, name in roots)
        found = Envelope(roots=roots, needs=needs, parts=(pickled,), buffers=buffers, readonly=readonly)
        intact = found.digest() == digest and len(buffers) == len(readonly)
    except Exception as error:
        raise DamagedError(f"not a component of a namespace ({type(error).__name__})") from error
    if not intact:
        raise DamagedError("its digest does not match its content")
    return found


def component_id(roots: Sequence[Root]) -> str:
    """A readable id that no other set of roots has: `"rows"`, `"class Point"`, `"a, b"`."""
    if len(roots) == 1 and roots[0][0] == VARIABLE and len(roots[0][1]) <= _MAX_READABLE and roots[0][1].isidentifier():
        return roots[0][1]  # nearly all of them
    names = [name if kind == VARIABLE else f"{kind} {name}" for kind, name in sorted(roots)]
    readable = ", ".join(names)
    if len(readable) <= _MAX_READABLE and all(_is_readable(kind, name) for kind, name in roots):
        return readable
    label = pack_data(sorted(roots))
    head = readable[:_HEAD].encode("utf-8", "replace").decode()
    return f"{head}#{hashlib.blake2b(label, digest_size=_DIGEST_BYTES).hexdigest()}"


def _is_readable(kind: str, name: str) -> bool:
    if kind == VARIABLE:
        return name.isidentifier()
    return name.isprintable() and not set(name) & {",", "#"}

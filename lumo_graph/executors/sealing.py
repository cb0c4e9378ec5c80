"""Signatures of what is stored of a namespace: whoever can write to the store, and has no key, cannot have it loaded.

Loading a component runs code, in the jail, with whatever the session may do there. Each one is signed under its name,
and all of them together once more, so that none can be taken away or put in the place of another. An older namespace of
the same key is as good as a newer one: a thread may be forked, and gone back to.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import cast

from lumo_graph.errors import ConfigurationError, SealError

SEAL_ID = "#seal"
"""The component that signs all others together. No variable has this name."""

_MAGIC = b"lumo seal 1\n"
_FINGERPRINT, _TAG = 8, 32
_HEAD = len(_MAGIC) + _FINGERPRINT + _TAG
_SHORTEST_KEY = 16
_GIVE_KEY = (
    "Give the key that they were stored with: ProcessExecutor(snapshot_key=...), or LUMO_SNAPSHOT_KEY for the command"
)
_GO_BACK = "Go back to a checkpoint that is whole: `lumo history` lists them, `lumo fork` begins a new thread at one"


class Seal:
    """The signatures of one session's namespace.

    Args:
        keys: the first one signs, any of them is good; none: nothing is signed, and nothing signed is opened.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_fingerprint(key): key for key in keys}
        self._tags: dict[str, bytes] = {}

    def opened(self, namespace: Mapping[str, bytes]) -> dict[str, bytes]:
        """The components as they were before they were signed.

        Raises:
            SealError: one is not as it was when somebody with a key stored it; says what to do.
        """
        if not namespace:
            return {}
        if not self._keys:
            return _unsigned(namespace)
        found = {name: self._checked(name, blob) for name, blob in namespace.items()}
        whole = found.pop(SEAL_ID, None)
        self._tags = {name: _tag_of(namespace[name]) for name in found}
        if whole is None or not hmac.compare_digest(whole, _digest(self._tags)):
            raise SealError(
                "The stored variables are not those that were signed together: some are missing, or of another moment. "
                f"Nothing was loaded. {_GO_BACK}."
            )
        return found

    def sealed(self, changed: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        """What has changed, signed."""
        if not self._keys or not changed:
            return dict(changed)
        signed = {name: None if blob is None else self._signed(name, blob) for name, blob in changed.items()}
        for name, blob in signed.items():
            if blob is None:
                self._tags.pop(name, None)
            else:
                self._tags[name] = _tag_of(blob)
        return {**signed, SEAL_ID: self._signed(SEAL_ID, _digest(self._tags))}

    def _signed(self, name: str, blob: bytes) -> bytes:
        fingerprint, key = next(iter(self._keys.items()))
        return _MAGIC + fingerprint + _sign(key, name, blob) + blob

    def _checked(self, name: str, blob: bytes) -> bytes:
        shown = name or "header"
        if not is_sealed(blob):
            raise SealError(
                f"The stored component {shown!r} is not signed, and this executor has a snapshot_key: it was stored "
                "without one, or by somebody else. Nothing was loaded. If you trust the store, go on with an executor "
                "without a key; else begin a new thread."
            )
        fingerprint, tag, content = blob[len(_MAGIC) :][:_FINGERPRINT], _tag_of(blob), blob[_HEAD:]
        key = self._keys.get(fingerprint)
        if key is None:
            raise SealError(
                f"The stored component {shown!r} is signed with another key: its fingerprint is {fingerprint.hex()}, "
                f"that of the first one here {next(iter(self._keys)).hex()}. Nothing was loaded. {_GIVE_KEY}."
            )
        if not hmac.compare_digest(tag, _sign(key, name, content)):
            raise SealError(
                f"The stored component {shown!r} was changed after it was signed, and nothing was loaded. {_GO_BACK}."
            )
        return content


def check_keys(given: object) -> tuple[bytes, ...]:
    """The keys that were given: one, several, or none.

    Raises:
        ConfigurationError: they are no keys.
    """
    keys = [given] if isinstance(given, (bytes, str)) else given
    if not isinstance(keys, Sequence):
        raise ConfigurationError(f"snapshot_key must be bytes or a list of bytes, not a {type(given).__name__}.")
    for key in cast("Sequence[object]", keys):
        if not isinstance(key, bytes) or len(key) < _SHORTEST_KEY:
            what = f"{len(key)} bytes" if isinstance(key, bytes) else f"a {type(key).__name__}"
            raise ConfigurationError(
                f"snapshot_key must be at least {_SHORTEST_KEY} random bytes, not {what}. Make one with "
                "secrets.token_bytes(32), and keep it where the store is not."
            )
    return tuple(cast("Sequence[bytes]", keys))


def is_sealed(blob: bytes) -> bool:
    """Whether a component is signed, by whatever key."""
    # What a caller gives may be anything, and is refused elsewhere.
    return blob[: len(_MAGIC)] == _MAGIC and len(blob) >= _HEAD


def content_of(blob: bytes) -> bytes:
    """A component without its signature, which nobody has checked."""
    return blob[_HEAD:] if is_sealed(blob) else blob


def _unsigned(namespace: Mapping[str, bytes]) -> dict[str, bytes]:
    if SEAL_ID in namespace or any(map(is_sealed, namespace.values())):
        raise SealError(f"The stored variables are signed, and this executor has no key. {_GIVE_KEY}.")
    return dict(namespace)


def _tag_of(blob: bytes) -> bytes:
    return blob[_HEAD - _TAG : _HEAD]


def _digest(tags: Mapping[str, bytes]) -> bytes:
    digest = hashlib.sha256()
    for name, tag in sorted(tags.items()):
        digest.update(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest() + tag)
    return digest.digest()


def _sign(key: bytes, name: str, blob: bytes) -> bytes:
    label = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    signature = hmac.new(key, _MAGIC + label, hashlib.sha256)
    signature.update(blob)
    return signature.digest()


def _fingerprint(key: bytes) -> bytes:
    return hmac.digest(key, b"lumo seal fingerprint", "sha256")[:_FINGERPRINT]

"""Random numbers that come again when an action runs again, and that nobody can know before it runs.

Everything that Python and numpy take from the operating system comes from one secret seed of the action instead: each
draw is a hash of the seed and of how many came before it.
"""

import hashlib
import itertools
import os
import random
import sys
import tempfile
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cloudpickle.cloudpickle

from lumo_graph.executors.worker.order import Order
from lumo_graph.executors.worker.wrapping import disguise, names_of

_PIECE = 1 << 20
_IN_ORDER, _BESIDE, _STATES, _CHILD = b"o", b"b", b"s", b"c"
"""What a number is drawn for: none of them moves what the others get."""
_KEPT_UUIDS = (
    "_generate_time_safe", "_UuidCreate", "_node", "_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7",
    "_last_counter_v7",
)  # fmt: skip
_MULTICAST = 1 << 40
"""A bit that no network card has in its address."""

_urandom, _shake, _reseed = os.urandom, hashlib.shake_256, random.seed


class Entropy:
    """What there is instead of the operating system's random bytes.

    Args:
        order: draws of other threads, of imports and of children move nothing in its thread.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._key: bytes | None = None
        self._beside = itertools.count()
        self._children = 0
        self._seeded: set[str] = set()
        self._legacy: Any = None
        self._legacy_seed = 0
        self._uuids = {name: getattr(uuid, name) for name in _KEPT_UUIDS if hasattr(uuid, name)}
        self.draws = 0
        """How many came in order."""

    def begin(self, seed: bytes) -> None:
        """Draw from this seed from now on.

        A generator that code has seeded itself, in this action or an earlier one, goes on with that.
        """
        self._key, self._beside, self._children, self.draws = seed, itertools.count(), 0, 0
        states = self._hash(_STATES, 0, 42)
        self._legacy_seed = int.from_bytes(states[32:36], "little")  # with more bits it takes three times as long
        if "random" not in self._seeded:
            _reseed(int.from_bytes(states[:32], "little"))
        if self._legacy is None:
            self.find_numpy()
        else:
            self._seed_legacy()
        names_of(tempfile)["_name_sequence"] = None
        names = dict.fromkeys(self._uuids)
        if "_last_counter_v7" in names:
            names_of(uuid)["_last_counter_v7"] = 0
            del names["_last_counter_v7"]
        names_of(uuid).update(names, _node=int.from_bytes(states[36:], "little") | _MULTICAST)

    def end(self) -> None:
        """Draw from the operating system."""
        if self._key is not None:
            self._key = None
            names_of(uuid).update(self._uuids)

    def leave(self) -> None:
        """Go on in a child that was forked: with numbers of its own, as Python does it for `random`."""
        if self._key is None:
            return
        self._key = self._hash(_CHILD, self._children, 32)
        self._beside = itertools.count()
        _reseed(int.from_bytes(self._hash(_STATES, 0, 32), "little"))

    def count_child(self) -> None:
        """A child is about to be forked."""
        self._children += 1

    def draw(self, size: int) -> bytes:
        """Random bytes."""
        if self._key is None:
            return _urandom(size)
        if size < 0:
            raise ValueError("negative argument not allowed")
        if not self._order.in_thread():
            return self._hash(_BESIDE, next(self._beside), size)
        self.draws += 1
        return self._hash(_IN_ORDER, self.draws, size)

    def find_numpy(self) -> None:
        """Seed what numpy has for the whole process, once numpy is there."""
        found = sys.modules.get("numpy.random.mtrand")
        if self._legacy is not None or not callable(legacy := getattr(found, "seed", None)) or found is None:
            return
        self._legacy = legacy
        told = disguise(self._telling(legacy, "numpy"), legacy)
        for module in (found, sys.modules.get("numpy.random")):
            if module is not None:
                names_of(module)["seed"] = told
        self._seed_legacy()

    def _seed_legacy(self) -> None:
        if self._key is not None and "numpy" not in self._seeded:
            self._legacy(self._legacy_seed)

    def _hash(self, purpose: bytes, count: int, size: int) -> bytes:
        start = (self._key or b"") + purpose + count.to_bytes(8, "little")
        if size <= _PIECE:
            return _shake(start).digest(size)
        pieces = (_shake(start + place.to_bytes(8, "little")) for place in range(0, size, _PIECE))
        return b"".join(piece.digest(_PIECE) for piece in pieces)[:size]

    # -- what Python has of randomness -----------------------------------------------------------------------------

    def install(self) -> None:
        """Put this in the place of the operating system's randomness."""
        draw = self.draw

        def urandom(size: int, /) -> bytes:
            return draw(size)

        _replace_in_os("urandom", urandom)
        names_of(random)["_urandom"] = os.urandom  # `secrets` and numpy take it from here
        if hasattr(os, "getrandom"):
            _replace_in_os("getrandom", self._getrandom(os.getrandom))
        self._install_seeding()
        # Two classes that get one id from it would become one class.
        names_of(cloudpickle.cloudpickle)["uuid"] = SimpleNamespace(
            uuid4=lambda: uuid.UUID(bytes=_urandom(16), version=4)
        )

    def _getrandom(self, real: Callable[..., bytes]) -> Callable[..., bytes]:
        def getrandom(size: int, flags: int = 0) -> bytes:
            return real(size, flags) if self._key is None else self.draw(size)

        return getrandom

    def _install_seeding(self) -> None:
        seed_any = random.Random.seed

        def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
            if a is None and self._key is not None:
                a = int.from_bytes(self.draw(32), "little")
            seed_any(generator, a, version)

        random.Random.seed = disguise(seed, seed_any)
        inner = names_of(random)["_inst"]
        random.seed = disguise(self._telling(lambda *args, **more: seed(inner, *args, **more), "random"), random.seed)
        random.seed.__qualname__ = "seed"  # no method any more

    def _telling(self, seed: Callable[..., object], name: str) -> Callable[..., None]:
        # Remembers whether code has asked for numbers that it knows.
        def seeded(*args: Any, **more: Any) -> None:
            seed(*args, **more)
            asked = args[0] if args else next(iter(more.values()), None)
            (self._seeded.discard if asked is None else self._seeded.add)(name)

        return seeded


def _replace_in_os(name: str, wrapper: Callable[..., bytes]) -> None:
    original: Any = getattr(os, name)
    setattr(os, name, disguise(wrapper, original))
    names_of(sys.modules[original.__module__])[name] = wrapper  # which `os` has it from

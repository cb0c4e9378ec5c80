"""Fuzzing of what the host decodes, guided by coverage. Needs atheris, which the project does not depend on:

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris msgpack
    mkdir -p /tmp/fuzz/corpus
    PYTHONPATH=. /tmp/fuzz/bin/python -m tests.attacks.fuzz_frames /tmp/fuzz/corpus -max_total_time=600 -max_len=4096

Anything but a message or a FrameError is a finding: libFuzzer writes the input to a file `crash-...` and stops.
"""

import sys
from pathlib import Path
from typing import Any

import atheris
import msgpack

with atheris.instrument_imports(include=["lumo_graph.executors.frames", "lumo_graph.executors.checking"]):
    from lumo_graph.executors import checking, frames  # noqa: F401 - instrumented before others import them

from tests.attacks.decoding import VALID, agree, decode, encode, frame


def decode_input(data: bytes) -> None:
    """One input: the first byte says where the stream is cut, and whether the rest is a body or a whole stream."""
    if not data:
        return
    stream = data[1:] if data[0] & 1 else frame(data[1:])
    step = (data[0] >> 1) + 1
    whole = decode([stream])
    cut = decode(stream[at : at + step] for at in range(0, len(stream), step))
    if not agree(whole, cut):
        raise AssertionError(f"{whole!r} in one piece, {cut!r} in pieces of {step}")


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a message inside where it can be decoded, else its bytes."""
    provider = atheris.FuzzedDataProvider(seed.to_bytes(8, "big") * 8)
    if len(data) < 2 or data[0] & 1 or provider.ConsumeBool():
        return atheris.Mutate(data, max_size)
    try:
        message = msgpack.unpackb(data[1:], strict_map_key=False)
        changed = msgpack.packb(_changed(message, provider), unicode_errors="surrogatepass")
    except Exception:  # not a message, or none that can be packed again
        return atheris.Mutate(data, max_size)
    return (data[:1] + changed)[:max_size]


def _changed(value: Any, provider: "atheris.FuzzedDataProvider") -> Any:
    if isinstance(value, list) and value and provider.ConsumeIntInRange(0, 3):
        at = provider.ConsumeIntInRange(0, len(value) - 1)
        return [*value[:at], _changed(value[at], provider), *value[at + 1 :]]
    if isinstance(value, dict) and value and provider.ConsumeIntInRange(0, 3):
        name = list(value)[provider.ConsumeIntInRange(0, len(value) - 1)]
        return {**value, name: _changed(value[name], provider)}
    plain = (None, True, -1, 1 << 63, 0.5, float("nan"), "", "x" * 400, b"y", [], {})
    return provider.PickValueInList([*plain, [value], {"k": value}, {1: value}, *VALID])


def main() -> None:
    """Write the first inputs into the folder that is named, and fuzz."""
    for argument in sys.argv[1:]:
        if not argument.startswith("-") and (folder := Path(argument)).is_dir():
            for number, message in enumerate(VALID):
                (folder / f"body-{number}").write_bytes(b"\x06" + encode(message)[4:])
                (folder / f"stream-{number}").write_bytes(b"\x07" + encode(message))
    atheris.Setup(sys.argv, decode_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

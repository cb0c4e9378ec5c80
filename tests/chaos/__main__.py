"""Strikes many runs at random and prints what became of them: `make chaos`, or

python -m tests.chaos --runs 50 --seed 7 --store sqlite --victim host
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from tests.chaos.storm import Outcome, Storm, Victim
from tests.postgres import Server, running_server

_STORES = ("sqlite", "postgresql")
_VICTIMS: tuple[Victim, ...] = ("host", "session", "zygote", "postgres")
_HEAD = (
    "| store | struck | runs | blows | processes | effects | not recorded yet | repeated, same key | asked "
    "| median s | faults |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    """Run the storms that the arguments ask for; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="for each store and kind of blow (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first run (default: %(default)s)")
    parser.add_argument("--store", choices=_STORES, action="append", help="default: each")
    parser.add_argument("--victim", choices=_VICTIMS, action="append", help="default: each")
    parser.add_argument("--at-once", type=int, default=2, help="runs at a time (default: %(default)s)")
    options = parser.parse_args()
    stores = options.store or _STORES
    victims: Sequence[Victim] = options.victim or _VICTIMS
    faults: list[str] = []
    rows: list[str] = []
    with running_server() if "postgresql" in stores else nullcontext() as server:
        for store in stores:
            for victim in victims:
                if victim == "postgres" and store != "postgresql":
                    continue
                outcomes: list[Outcome] = []
                seeds = range(options.seed, options.seed + options.runs)
                # A server that is struck is everybody's.
                for outcome in _rage(seeds, victim, server, store, 1 if victim == "postgres" else options.at_once):
                    outcomes.append(outcome)
                    print(
                        f"\r{store}, {victim}: {len(outcomes)} of {options.runs}", end="", file=sys.stderr, flush=True
                    )
                    faults += [f"{store}, {victim}, seed {outcome.seed}: {fault}" for fault in outcome.faults]
                print(file=sys.stderr)
                rows.append(_row(store, victim, outcomes))
    print("\n".join([_HEAD, *rows]))
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def _rage(seeds: Sequence[int], victim: Victim, server: Server | None, store: str, at_once: int) -> Iterator[Outcome]:
    def rage(seed: int) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="lumo-chaos-") as folder:
            url = server.new_database() if server and store == "postgresql" else f"sqlite:///{folder}/runs.db"
            storm = Storm(Path(folder), url, seed=seed, victim=victim, loop=seed % 2 == 1, server=server)
            return storm.rage()

    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(rage, seeds)


def _row(store: str, victim: str, outcomes: Sequence[Outcome]) -> str:
    def total(name: str) -> int:
        return sum(getattr(outcome, name) for outcome in outcomes)

    counts = [total(name) for name in ("blows", "processes", "effects", "unknown", "repeated", "asked")]
    faults = sum(bool(outcome.faults) for outcome in outcomes)
    cells = [store, victim, len(outcomes), *counts, f"{median(one.seconds for one in outcomes):.1f}", faults]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())

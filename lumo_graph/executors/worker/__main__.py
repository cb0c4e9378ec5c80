"""The program that `ProcessExecutor(launch=...)` has a launcher start: one session, over standard input and output."""

import sys

from lumo_graph.executors.worker.environment import start_again

_AGAIN = "again"

if __name__ == "__main__":
    if sys.argv[1:] != [_AGAIN]:
        start_again(_AGAIN)
    from lumo_graph.executors.worker.launched import serve_standard_streams

    serve_standard_streams()

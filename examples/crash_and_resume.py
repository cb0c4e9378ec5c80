"""The process is killed in the middle of a code action; the next one goes on where it was.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python crash_and_resume.py       # kills itself while it sends the third letter
    OPENAI_API_KEY=... python crash_and_resume.py       # sends the rest, none of them twice

Calls that had returned are not made again: their results are in the thread. Variables come back from it too.
"""

import os
import signal
from pathlib import Path

from lumo_graph import resume, run
from lumo_graph.options import AgentOptions

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")
STORE = "sqlite:///letters.db"
SENT = Path("sent.txt")


def send_letter(to: str) -> int:
    """Send a letter. Returns how many have been sent."""
    with SENT.open("a", encoding="utf-8") as sent:
        print(to, file=sent)
    return len(SENT.read_text(encoding="utf-8").splitlines())


def stamp(to: str) -> str:
    """Stamp a letter before it is sent."""
    crash = Path("crashed.txt")
    if to == "Cleo" and not crash.exists():
        crash.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"stamped for {to}"


if __name__ == "__main__":
    options: AgentOptions = {"base_url": BASE_URL, "tools": [stamp, send_letter]}
    if SENT.exists():
        result = resume("letters", MODEL, checkpointer=STORE, **options)
    else:
        task = "Stamp and send a letter to Ann, Bob, Cleo and Dan, one after the other. How many were sent?"
        result = run(task, MODEL, agent_type="code-agent", checkpointer=STORE, thread_id="letters", **options)
    print(result.answer, SENT.read_text(encoding="utf-8").split())

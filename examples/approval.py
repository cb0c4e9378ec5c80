"""A person decides in the middle of a code action, and nothing before the question happens twice.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python approval.py

The run stops at the call that needs a yes, inside the loop of the model's code. Its thread is in a file, so the answer
may come from another process on another day.
"""

import os

from lumo_graph import resume, run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")
STORE = "sqlite:///approval.db"


def open_invoices() -> dict[str, int]:
    """Invoices to pay: number to amount in euros."""
    return {"A-17": 80, "A-18": 2300, "A-19": 45}


def pay(invoice: str, amount: int) -> str:
    """Pay an invoice."""
    print(f"paid {invoice}: {amount} euros")
    return "paid"


LARGE = 1000
RULES = {"pay": {"allowed_decisions": ["approve", "reject"], "when": lambda args: args["amount"] > LARGE}}

if __name__ == "__main__":
    result = run(
        "Pay all open invoices.",
        MODEL,
        base_url=BASE_URL,
        tools=[open_invoices, pay],
        agent_type="code-agent",
        interrupt_on=RULES,
        checkpointer=STORE,
    )
    while result.outcome == "interrupted" and result.thread_id:
        (question,) = result.pending
        (wanted,) = question["action_requests"]
        answer = input(f"{wanted['name']}{wanted['args']} - approve? [y/n] ")
        print("approved" if answer == "y" else "rejected")
        result = resume(
            result.thread_id,
            MODEL,
            base_url=BASE_URL,
            tools=[open_invoices, pay],
            interrupt_on=RULES,
            checkpointer=STORE,
            decision={"type": "approve"} if answer == "y" else {"type": "reject", "message": "Too much."},
        )
    print(result.answer)

"""An answer of a given form: what does not fit goes back to the model.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python structured_answer.py

The model is told the form, and its answer is checked against it.
"""

import os

from pydantic import BaseModel, Field

from lumo_graph import run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")

TEXT = "Order 4711 of 3 May: 2 x tea at 2.50, 1 x cake at 4.00. Deliver to Ada Byron, 12 St James's Square, London."


class Line(BaseModel):
    """A line of an order."""

    item: str
    count: int = Field(ge=1)
    price: float


class Order(BaseModel):
    """An order."""

    number: int
    customer: str
    lines: list[Line]
    total: float


if __name__ == "__main__":
    result = run(f"Read this order: {TEXT}", MODEL, base_url=BASE_URL, agent_type="code-agent", response_format=Order)
    order = Order.model_validate(result.answer)  # the answer is plain data, as it is stored
    print(order.customer, order.total, [line.item for line in order.lines])
    print([step.error for step in result.steps])

"""Which human messages of a thread are not a person's: observations, and what we say to the model in between."""

import uuid

from langchain_core.messages import BaseMessage, HumanMessage

_MARK = "lumo_graph"


def tell(text: str, *, message_id: str | None = None) -> HumanMessage:
    """A message to the model that no person wrote. It replaces the one with `message_id`, if that is given."""
    return HumanMessage(text, id=message_id or uuid.uuid4().hex, additional_kwargs={_MARK: True})


def is_ours(message: BaseMessage) -> bool:
    """Whether `tell` made the message."""
    return bool(message.additional_kwargs.get(_MARK))

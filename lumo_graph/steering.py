"""Exceptions that steer a graph and are no failure: interrupts and drains."""


def steers_the_graph(error: BaseException) -> bool:
    """Whether LangGraph raises it to stop a node in good order. Known by name, so that nothing needs LangGraph."""
    return any(
        kind.__module__ == "langgraph.errors" and kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__
    )

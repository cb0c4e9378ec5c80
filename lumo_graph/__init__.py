"""Agents that act by writing Python, as a LangGraph state graph."""

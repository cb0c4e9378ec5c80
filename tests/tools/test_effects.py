import pytest
from langchain_core.tools import tool

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools import Effects, declare_effects
from lumo_graph.tools.toolbox import make_toolbox


def read() -> int:
    """Read."""
    return 1


async def aread() -> int:
    """Read."""
    return 1


@tool
def mail(to: str) -> str:
    """Send a mail."""
    return to


def test_a_tool_that_says_nothing_has_effects_and_is_made_again_if_unknown():
    assert make_toolbox([read]).effects_of("read") == Effects(none=False, on_unknown="rerun")


@pytest.mark.parametrize("given", [read, aread, mail], ids=["function", "async function", "LangChain tool"])
def test_what_a_tool_declares_is_known_by_its_name(given):
    declared = declare_effects(given, effects="none", on_unknown="ask")
    name = getattr(given, "name", None) or given.__name__
    try:
        assert make_toolbox([declared]).effects_of(name) == Effects(none=True, on_unknown="ask")
    finally:
        vars(given).pop("__lumo_effects__", None)


def test_declaring_for_a_langchain_tool_leaves_the_original_as_it_was():
    assert declare_effects(mail, effects="none") is not mail
    assert make_toolbox([mail]).effects_of("mail") == Effects()


@pytest.mark.parametrize("said", [{"effects": "few"}, {"on_unknown": "maybe"}])
def test_a_declaration_that_is_not_known_is_refused(said):
    with pytest.raises(ConfigurationError, match=next(iter(said.values()))):
        declare_effects(read, **said)
    with pytest.raises(ConfigurationError, match=next(iter(said.values()))):
        make_toolbox([mail.model_copy(update={"metadata": said})])

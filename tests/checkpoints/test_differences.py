import anyio
import pytest

from lumo_graph import run
from lumo_graph.checkpoints import adiff_thread, aopen_checkpointer, diff_thread, list_checkpoints
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors.monty import MontyExecutor
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


def after_actions(url):
    """The numbers of the checkpoints with nothing, and with one action after the other, in them."""
    asked = [one for one in list_checkpoints(url, "t") if one.next == ("generate_code",)]
    return [str(one.number) for one in reversed(asked)]


def told(differences):
    return {one.name: (one.change, one.before and one.before.text, one.after and one.after.text) for one in differences}


def test_variables_and_files_that_were_added_changed_and_removed_are_named(everywhere, make_thread):
    make_thread(everywhere)
    _, first, second, third = after_actions(everywhere)
    found = diff_thread(everywhere, "t", first, second)
    assert told(found.variables) == {
        "alias": ("changed", "list (1)", "list (2)"),
        "gone": ("removed", "0", None),
        "rows": ("changed", "list (1)", "list (2)"),
    }
    assert [(one.name, one.shares) for one in found.variables if one.shares] == [
        ("alias", ("rows",)),
        ("rows", ("alias",)),
    ]
    (notes,) = found.files
    assert (notes.name, notes.change, notes.before.size, notes.after.size) == ("notes", "changed", 1, 2)
    found = diff_thread(everywhere, "t", second, third)
    assert told(found.variables) == {
        "extra": ("added", None, "dict (0)"),
        "later": ("added", None, "generator"),
        "os": ("added", None, "module os"),
        "word": ("changed", "'one'", "'two'"),
    }
    assert told(found.files) == {"old": ("removed", None, None)}
    assert {one.name for one in found.variables if one.after.size is None} == {"later"}


def test_a_difference_can_be_read_backwards_and_across_steps(url, make_thread):
    make_thread(url)
    none, *_, last = after_actions(url)
    found = diff_thread(url, "t", last, none)
    assert {one.change for one in (*found.variables, *found.files)} == {"removed"}
    assert {one.name for one in found.variables} == {"rows", "alias", "word", "extra", "later", "os"}
    assert (found.a.number, found.b.number) == (int(last), int(none))
    found = diff_thread(url, "t", last, last)
    assert (found.variables, found.files) == ((), ())


def test_a_change_that_its_description_does_not_show_is_found(url):
    model = ScriptedModel([code("rows = [1, 2]"), code("rows[0] = 5"), code("final_answer(0)")])
    run("go", model, agent_type="code-agent", checkpointer=url, thread_id="t")
    (found,) = diff_thread(url, "t", *after_actions(url)[1:3]).variables
    assert (found.name, found.change, found.before.text, found.after.text) == ("rows", "changed", *["list (2)"] * 2)


def test_nothing_of_what_is_compared_is_loaded_by_the_host(url, tmp_path):
    mark = tmp_path / "loaded"
    poison = (
        "class P:\n    def __reduce__(self):\n        import os\n"
        f"        return os.mkdir, ({str(mark)!r},)\npoison = P()"
    )
    model = ScriptedModel([code(poison), code("more = P()"), code("final_answer(0)")])
    run("go", model, agent_type="code-agent", checkpointer=url, thread_id="t")
    ends = after_actions(url)
    for a in ends:
        for b in ends:
            diff_thread(url, "t", a, b)
    assert {"poison", "class P"} <= {one.name for one in diff_thread(url, "t", ends[0], ends[1]).variables}
    assert not mark.exists()


def test_what_another_executor_stores_as_a_whole_is_compared_as_a_whole(url):
    model = ScriptedModel([code("a = [1]"), code("a[0] = 2"), code("final_answer(a)")])
    options = {"executor": MontyExecutor(), "agent_type": "code-agent"}
    run("go", model, checkpointer=url, thread_id="t", **options)
    names = {one.name for one in diff_thread(url, "t", *after_actions(url)[1:3]).variables}
    assert "component monty" in names


def test_a_difference_is_found_on_an_event_loop(store, make_thread):
    make_thread(store)
    ends = after_actions(store)[1:3]

    async def both():
        async with aopen_checkpointer(store) as saver:
            return await adiff_thread(saver, "t", *ends), await adiff_thread(store, "t", *ends)

    assert anyio.run(both) == (diff_thread(store, "t", *ends),) * 2


def test_an_end_that_is_not_there_is_refused(url, make_thread):
    make_thread(url)
    for ends in (("nosuch", "1"), ("1", "nosuch")):
        with pytest.raises(ConfigurationError, match="no checkpoint 'nosuch'"):
            diff_thread(url, "t", *ends)

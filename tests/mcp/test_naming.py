from lumo_graph.mcp.naming import name_tools


def test_a_tool_has_its_own_name_as_python_writes_it():
    assert name_tools([("s", None, "add"), ("s", None, "web-search"), ("s", "my_", "add")], ()) == [
        "add", "web_search", "my_add",
    ]  # fmt: skip


def test_a_name_that_two_have_gets_the_server_before_it_for_both():
    assert name_tools([("a", None, "x"), ("b-c", None, "x"), ("b-c", None, "y")], ()) == ["a_x", "b_c_x", "y"]


def test_names_of_other_tools_of_python_and_of_the_agent_are_left_to_them():
    wished = [("s", None, name) for name in ("mine", "print", "final_answer", "from")]
    assert name_tools(wished, {"mine"}) == ["s_mine", "s_print", "s_final_answer", "from_"]


def test_names_are_unique_and_short_whatever_is_wished():
    wished = [("s", None, name) for name in ("a-b", "a.b", "a b", "東京", "大阪", "x" * 200, "x" * 199, "")]
    found = name_tools(wished, {"s_a_b"})
    assert len({*found, "s_a_b"}) == len(found) + 1
    assert all(name.isidentifier() and name.isascii() and len(name) <= 64 for name in found)


def test_a_name_made_for_a_clash_does_not_take_one_that_is_there():
    assert name_tools([("s", None, "x"), ("t", None, "x"), ("u", None, "s_x")], ()) == ["s_x_2", "t_x", "s_x"]

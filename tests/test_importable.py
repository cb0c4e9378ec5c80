import pytest

from lumo_graph.importable import describe_refusal, is_importable


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("json", True), ("json.decoder", True), ("os", True), ("os.path", True), ("jsonx", False), ("osx", False)],
)
def test_a_module_is_allowed_with_its_package_and_on_the_way_to_it(name, allowed):
    assert is_importable(name, ["json", "os.path"]) is allowed


def test_a_refusal_names_what_is_allowed():
    assert describe_refusal("socket", ["json"]) == "'socket' may not be imported here. Allowed: json."
    assert describe_refusal("socket", []) == "'socket' may not be imported here. Allowed: nothing."

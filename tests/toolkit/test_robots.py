import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.toolkit.robots import allows

GROUPS = """
# a comment
User-agent: *
Disallow: /private
Allow: /private/open

User-Agent: Lumo-Graph
Disallow: /models

user-agent: other
USER-AGENT: lumo-graph/2.0
disallow: /both # and a remark

Sitemap: https://example.com/map.xml
"""


@pytest.mark.parametrize(
    ("agent", "path", "expected"),
    [
        ("anyone", "/", True),
        ("anyone", "/private/letter", False),
        ("anyone", "/private/open/letter", True),
        ("lumo-graph", "/private/letter", True),
        ("lumo-graph", "/models/1", False),
        ("lumo-graph", "/both", False),
        ("other", "/both", False),
        ("other", "/models", True),
        ("LUMO-GRAPH", "/models", False),
        ("lumo", "/models", True),
    ],
)
def test_the_groups_that_name_a_program_are_for_it_and_the_general_one_for_the_others(agent, path, expected):
    assert allows(GROUPS, agent, path) is expected


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("", "/any", True),
        ("Disallow:", "/any", True),
        ("Disallow: /", "/any", False),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /a\nAllow: /a", "/a", True),
        ("Allow: /a\nDisallow: /a/b", "/a/b/c", False),
        ("Disallow: /*.pdf$", "/papers/one.pdf", False),
        ("Disallow: /*.pdf$", "/papers/one.pdf?x=1", True),
        ("Disallow: /*.pdf", "/papers/one.pdf?x=1", False),
        ("Disallow: /a*b*c", "/a--c--b", True),
        ("Disallow: /a*b*c", "/a--b--c--", False),
        ("Disallow: /end$", "/end", False),
        ("Disallow: /end$", "/ending", True),
        ("Disallow: /x*$", "/xyz", False),
        ("Disallow: /a*a$", "/a", True),
        ("Disallow: /?q=", "/?q=secret", False),
        ("Disallow: /caf%c3%a9", "/caf%C3%A9", False),
        ("Disallow: /café", "/caf%C3%A9", False),
        ("Disallow: /%61bc", "/abc", False),
        ("Disallow: /a%2Fb", "/a/b", True),
        ("Nonsense: /\n<html>", "/", True),
    ],
)
def test_the_longest_rule_that_fits_decides(rules, path, expected):
    assert allows(f"User-agent: *\n{rules}\n", "lumo-graph", path) is expected


def test_rules_before_any_group_are_for_nobody():
    assert allows("Disallow: /\n", "lumo-graph", "/a")


@pytest.mark.timeout(20)
def test_a_hostile_pattern_takes_no_time():
    pattern = "/" + "a*" * 2000 + "b$"
    assert allows(f"User-agent: *\nDisallow: {pattern}\n", "lumo-graph", "/" + "a" * 5000)


@given(st.text(max_size=300), st.text(max_size=50))
def test_no_robots_txt_is_an_error(robots, path):
    assert allows(robots, "lumo-graph", f"/{path}") in (True, False)


@given(st.text(alphabet="ab/", max_size=20))
def test_a_rule_fits_exactly_what_begins_with_it(path):
    rules = "User-agent: *\nDisallow: /a/b\n"
    assert allows(rules, "x", f"/{path}") is not f"/{path}".startswith("/a/b")

"""What an action's exception says, from real sessions."""

import pytest


def test_a_failure_inside_a_function_names_both_lines(driver):
    driver.do("def ratio(a, b):\n    share = a / b\n    return share")
    error = driver.error("top = 1\nratio(top, 0)")
    assert (error.kind, error.line, error.source) == ("ZeroDivisionError", 2, "ratio(top, 0)")
    assert error.values == {"a": "1", "b": "0", "top": "1"}
    assert error.traceback == (
        "Traceback (most recent call last):\n"
        "  Action 2, line 2\n"
        "    ratio(top, 0)\n"
        "  Action 1, line 2, in ratio\n"
        "    share = a / b\n"
        "ZeroDivisionError: division by zero"
    )


def test_frames_of_packages_are_counted_and_ours_are_not_shown(driver):
    error = driver.error("import json\njson.loads('{')")
    assert "frames in json]" in error.traceback
    assert "lumo_graph" not in driver.error("search(object())").traceback


def test_a_deep_recursion_is_a_short_traceback(driver):
    error = driver.error("def f(n):\n    return f(n + 1)\nf(0)")
    assert error.kind == "RecursionError"
    assert "more frames]" in error.traceback
    assert len(error.traceback) < 2000


def test_a_cause_is_told_before_its_effect(driver):
    error = driver.error("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e")
    first, second = error.traceback.split("direct cause")
    assert "ZeroDivisionError" in first
    assert "ValueError: no" in second


def test_an_endless_chain_of_causes_is_bounded(driver):
    code = "e = None\nfor i in range(5000):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\nraise e"
    error = driver.error(code)
    assert error.message == "4999"
    assert "earlier exceptions left out" in error.traceback
    driver.do("del e, n")


def test_groups_of_exceptions_show_what_is_in_them(driver):
    error = driver.error("raise ExceptionGroup('many', [ValueError('a'), KeyError('b')])")
    assert "+ ValueError: a" in error.traceback
    assert "+ KeyError: 'b'" in error.traceback


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (
            "class E(Exception):\n    def __str__(self):\n        raise SystemExit\nraise E()",
            "E",
            "<no message: SystemExit>",
        ),
        ("class E(Exception):\n    def __str__(self):\n        return 5\nraise E()", "E", "<no message: TypeError>"),
        ("raise ValueError('\\ud800')", "ValueError", "\\ud800"),
        ("e = ValueError('a')\ne.add_note('b')\nraise e", "ValueError", "a\nb"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("raise BaseException('x')", "BaseException", "x"),
    ],
    ids=["str raises", "str is a number", "surrogate", "note", "interrupt", "generator exit", "base"],
)
def test_odd_exceptions_are_ordinary_errors(driver, code, kind, message):
    error = driver.error(code)
    assert (error.kind, error.message) == (kind, message)
    assert driver.value("1") == 1


def test_a_huge_message_is_cut(driver):
    assert len(driver.error("raise ValueError('x' * 10**7)").message) < 5000


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("quantity = 1\nprint(quantty)", "quantity"),
        ("prnt(1)", "print"),
        ("serach('x')", "search"),
        ("'text'.uper()", "upper"),
        ("row = {'price': 1}\nrow['prise']", "price"),
        ("rows = [{'price': 1}]\nrows[0]['prise']", "price"),
        ("import pandas as pd\nframe = pd.DataFrame({'price': [1]})\nframe['prise']", "price"),
        ("import statistcs", "statistics"),
        ("from statistics import meen", "mean"),
        ("def f():\n    PRICE = 1\n    return price\nf()", "PRICE"),
    ],
    ids=["name", "builtin", "tool", "attribute", "key", "inner key", "column", "module", "import from", "case"],
)
def test_what_was_meant_is_near(driver, code, near):
    assert near in driver.error(code).near


def test_an_exception_in_a_thread_is_shown_without_our_frames(driver):
    done = driver.do("import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()")
    assert "ZeroDivisionError" in done.stderr
    assert "lumo_graph" not in done.stderr


def test_values_of_hostile_objects_are_bounded(driver):
    code = "class H:\n    def __repr__(self):\n        raise SystemExit\nh = H()\nlong = 'x' * 10**6\n(h, long) + 1"
    error = driver.error(code)
    assert error.values["h"] == "<H without a repr: SystemExit>"
    assert len(error.values["long"]) < 300

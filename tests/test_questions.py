import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.questions import check_name, check_waits

ONE, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


@pytest.mark.parametrize("given", ["", "0123456", "0123456x", "01234567\n", ONE + "0", 12345678, b"01234567"])
def test_what_cannot_name_a_question_is_refused(given):
    with pytest.raises(ConfigurationError, match="at least its first 8 digits"):
        check_name(given)


@pytest.mark.parametrize("given", [ONE, ONE[:8], ONE[:31]])
def test_the_beginning_of_an_id_names_the_question_that_waits_and_no_other(given):
    check_waits(check_name(given), [ONE], (), "t")
    check_waits(given, [OTHER, ONE], [OTHER], "t")
    with pytest.raises(ConfigurationError) as refused:
        check_waits(given, [OTHER], (), "t")
    assert f"Question {given!r} does not wait in thread 't': {OTHER[: len(given)]!r} does." in str(refused.value)
    assert "without a decision to see" in str(refused.value)


def test_a_question_that_has_an_answer_does_not_wait_any_more():
    with pytest.raises(ConfigurationError, match=f"Question '{ONE}' of thread 't' is answered already"):
        check_waits(ONE, [ONE], [ONE], "t")

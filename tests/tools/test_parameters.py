import pydantic
import pytest

from lumo_graph.tools.parameters import BadArgumentsError, Parameters
from lumo_graph.types import Parameter


class Query(pydantic.BaseModel):
    text: str
    limit: int = 3


SHOWN = (Parameter(name="text", annotation="str"), Parameter(name="from_", annotation="int | None", default="None"))
MODELLED = Parameters(
    shown=SHOWN,
    model=Query,
    keys={"text": "text", "from_": "from", "from": "from"},
    schemas={"text": {"type": "string"}, "from_": {"type": "integer"}},
    unset=frozenset({"from_"}),
)
SCHEMED = Parameters(shown=MODELLED.shown, model=None, keys=MODELLED.keys, schemas=MODELLED.schemas)


def typed(schema, annotation="T"):
    return Parameters(
        shown=(Parameter(name="a", annotation=annotation),), model=None, keys={"a": "a"}, schemas={"a": schema}
    )


def test_arguments_take_the_names_of_the_schema():
    assert MODELLED.bind("t", {"text": "a", "from_": 1}) == {"text": "a", "from": 1}
    assert MODELLED.bind("t", {"text": "a", "from": 1}) == {"text": "a", "from": 1}


def test_none_for_an_unset_parameter_is_not_passed():
    assert MODELLED.bind("t", {"text": "a", "from_": None}) == {"text": "a"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, r"t\(\): missing the required argument 'text'"),
        ({"text": "a", "form": 1}, r"t\(\): got an unexpected argument 'form'. Did you mean 'from_'\?"),
        ({"text": "a", "zzz": 1}, "It takes: text, from_"),
    ],
)
def test_missing_and_unexpected_arguments_are_type_errors(args, message):
    with pytest.raises(BadArgumentsError, match=message) as caught:
        MODELLED.bind("t", args)
    assert caught.value.kind == "TypeError"


def test_a_tool_without_parameters_says_so():
    with pytest.raises(BadArgumentsError, match="takes no arguments, but got 'a'"):
        Parameters(shown=(), model=None, keys={}, schemas={}).bind("t", {"a": 1})


@pytest.mark.parametrize(
    ("schema", "fits", "wrong"),
    [
        ({"type": "string"}, "a", 1),
        ({"type": "integer"}, 1, True),
        ({"type": "number"}, 1, "1"),
        ({"type": "boolean"}, True, 1),
        ({"type": ["array", "null"]}, [1], {}),
        ({"type": "object"}, {}, []),
        ({"enum": ["a"]}, "a", "b"),
    ],
)
def test_a_json_schema_checks_the_outer_type(schema, fits, wrong):
    assert typed(schema).bind("t", {"a": fits}) == {"a": fits}
    with pytest.raises(BadArgumentsError, match="the argument 'a' must be T, not") as caught:
        typed(schema).bind("t", {"a": wrong})
    assert caught.value.kind == "ValueError"


def test_a_schema_that_says_nothing_takes_anything():
    assert typed({}).bind("t", {"a": [1]}) == {"a": [1]}
    assert typed({"type": "made-up"}).bind("t", {"a": [1]}) == {"a": [1]}


def test_validation_returns_what_was_given_as_real_objects():
    assert MODELLED.validate({"text": "a", "limit": "4"}) == {"text": "a", "limit": 4}
    assert SCHEMED.validate({"text": "a"}) == {"text": "a"}

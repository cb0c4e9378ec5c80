import json

import pytest

from lumo_graph.dialects import Action, Answer, CallTools, RunCode, Unparsable, action_from_dict, action_to_dict
from lumo_graph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (RunCode("print(1)"), {"kind": "run_code", "code": "print(1)", "call_ids": []}),
        (RunCode("1", ("a", "b")), {"kind": "run_code", "code": "1", "call_ids": ["a", "b"]}),
        (CallTools(), {"kind": "call_tools"}),
        (Answer({"total": [1, None]}), {"kind": "answer", "value": {"total": [1, None]}}),
        (Unparsable("The reply is empty."), {"kind": "unparsable", "reason": "The reply is empty."}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_action_survives_being_stored_as_plain_data(action: Action, data: dict[str, object]) -> None:
    assert action_to_dict(action) == data
    assert action_from_dict(json.loads(json.dumps(data))) == action


@pytest.mark.parametrize("data", [{}, {"kind": "dance"}, {"kind": "run_code"}, {"kind": "call_tools", "code": "1"}])
def test_data_that_is_no_action_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="Not a stored action"):
        action_from_dict(data)

import json

from lumo_graph.isolation import Isolation

REPORT = Isolation(tier="fs", on=("seccomp", "privileges"), off={"namespaces": "no"}, open=("disk", "memory"))


def test_a_report_comes_back_from_json():
    assert Isolation.from_dict(json.loads(json.dumps(REPORT.to_dict()))) == REPORT


def test_a_report_in_the_state_equals_the_one_that_is_read_back():
    assert json.loads(json.dumps(REPORT.to_dict())) == REPORT.to_dict()

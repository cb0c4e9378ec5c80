import json
from datetime import UTC, datetime

import pytest

from lumo_graph.errors import AddressError, ConfigurationError, ModelError
from lumo_graph.models.failures import (
    MAX_REASON_CHARS,
    Failure,
    describe_failure,
    parse_retry_after,
    read_failure,
    redact,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Response:
    def __init__(self, status_code, headers=None):
        self.status_code = status_code
        self.headers = headers or {}


def make(name="SomeError", base=Exception, **attributes):
    error = type(name, (base,), {})("words")
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


@pytest.mark.parametrize(
    ("error", "status", "temporary"),
    [
        (make(status_code=408), 408, True),
        (make(status_code=409), 409, True),
        (make(status_code=429), 429, True),
        (make(status_code=500), 500, True),
        (make(status_code=529), 529, True),
        (make(status_code=400), 400, False),
        (make(status_code=401), 401, False),
        (make(status_code=429, code="insufficient_quota"), 429, False),
        (make(response=Response(503)), 503, True),
        (make(code=504), 504, True),
        (make("APIError", code="502"), 502, True),
        (make("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 404}}), 404, False),
        (make("APIError", type="server_error"), None, True),
        (make("APIError", status_code=200, body={"error": {"type": "overloaded_error"}}), None, True),
        (make("APIError", type="invalid_request_error"), None, False),
        (make("APIConnectionError"), None, True),
        (make("ReadError", base=type("TransportError", (Exception,), {})), None, True),
        (make("APIConnectionError", __cause__=AddressError("'10.0.0.7' is not a public address.")), None, False),
        (make("ModelError", is_retryable=True), None, True),
        (make("ModelError", is_retryable=False), None, False),
        (ConnectionResetError(), None, True),
        (TimeoutError(), None, True),
        (json.JSONDecodeError("half", "{", 1), None, True),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else str(value),
)
def test_a_providers_failure_is_known_by_its_status_or_its_class(error, status, temporary):
    failure = read_failure(error)
    assert failure is not None
    assert (failure.status, failure.temporary) == (status, temporary)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bug"),
        TypeError("bug"),
        AssertionError("test"),
        make(base=AssertionError, status_code=500),
        ConfigurationError("caller"),
        ModelError("done"),
        make(code=3),
        make(status_code=200),
        make(status_code=True),
        KeyboardInterrupt(),
        SystemExit(500),
    ],
    ids=repr,
)
def test_other_errors_are_no_providers_failure(error):
    assert read_failure(error) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("2.5", 2.5),
        ("-3", 0),
        ("1e400", 1e9),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 2026 00:01:30 GMT", 90),
        ("Thu, 01 Jan 2026 00:01:30 -0000", 90),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("Thu, 99 Jan 2026 00:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


def test_retry_after_is_found_whatever_the_case_of_its_name():
    failure = read_failure(make(response=Response(429, {"Retry-After": "7"})))
    assert failure is not None
    assert failure.retry_after == 7


def test_retry_after_in_milliseconds_comes_first():
    failure = read_failure(make(response=Response(429, {"retry-after-ms": "250", "retry-after": "1"})))
    assert failure is not None
    assert failure.retry_after == 0.25


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-proj-abcdef123456 is bad", "key [key] is bad"),
        ("key sk-ab***********wxyz is bad", "key [key] is bad"),
        ("Authorization: Bearer abcdefghijk.lmn", "Authorization: Bearer [key]"),
        ("https://host/v1?key=AIzaSyA1234567890abc", "https://host/v1?key=[key]"),
        ('{"api_key": "0123456789"}', '{"api_key": "[key]"}'),
        ("gsk_abcdefgh12 and hf_abcdefghij", "[key] and [key]"),
        ("mine is s3cret!!", "mine is [key]"),
        ("none of the extras", "none of the extras"),
        ("The risk-averse key is missing", "The risk-averse key is missing"),
        ("Bearer of bad news", "Bearer of bad news"),
    ],
)
def test_keys_are_taken_out_of_messages(text, clean):
    assert redact(text, ["s3cret!!", "x", "none", ""]) == clean


def test_a_long_message_is_cut_and_stands_on_one_line():
    text = describe_failure(ValueError("line\n" * 5000), Failure(status=400), "tiny")
    assert "\n" not in text
    assert len(text) < MAX_REASON_CHARS + 200


def test_the_message_of_an_unreachable_server_says_what_lies_below():
    error = make("APIConnectionError")
    error.__cause__ = OSError(111, "Connection refused")
    failure = read_failure(error)
    assert failure is not None
    assert describe_failure(error, failure, "tiny") == (
        "The model 'tiny' failed: words [[Errno 111] Connection refused]. "
        "Check that the server at base_url runs and can be reached, then resume the run."
    )


def test_a_context_overflow_is_recognised_by_class_or_code():
    for error in (make("ContextOverflowError"), make(status_code=400, code="context_length_exceeded")):
        failure = read_failure(error)
        assert failure is not None
        assert "larger context" in describe_failure(error, failure, "tiny")

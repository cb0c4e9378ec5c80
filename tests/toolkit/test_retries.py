import ssl

import httpx2
import pytest

from lumo_graph.toolkit.retries import LONGEST_WAIT, BusyError, is_passing, retrying, wait_asked_for


def caused_by(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (httpx2.ConnectError("refused"), True),
        (httpx2.ConnectTimeout("slow"), True),
        (httpx2.ReadError("reset"), True),
        (httpx2.RemoteProtocolError("hung up"), True),
        (BusyError("busy", retry_after=None), True),
        (BusyError("busy", retry_after=LONGEST_WAIT), True),
        (BusyError("busy", retry_after=LONGEST_WAIT + 1), False),
        (caused_by(httpx2.ConnectError("tls"), caused_by(OSError(), ssl.SSLCertVerificationError("expired"))), False),
        (httpx2.ReadTimeout("slow"), False),
        (httpx2.UnsupportedProtocol("ftp"), False),
        (httpx2.DecodingError("gzip"), False),
        (ValueError("ours"), False),
    ],
    ids=repr,
)
def test_only_failures_that_pass_are_worth_another_request(error, passing):
    assert is_passing(error) is passing


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, None), ({"Retry-After": "2"}, 2.0), ({"Retry-After": "-2"}, 0.0), ({"Retry-After": "soon"}, None),
     ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0)],
)  # fmt: skip
def test_the_wait_that_a_server_asks_for_is_read(headers, seconds):
    assert wait_asked_for(httpx2.Response(503, headers=headers)) == seconds


@pytest.mark.anyio
async def test_the_last_failure_is_raised_as_it_is():
    made = []

    async def fail():
        made.append(BusyError(f"busy {len(made)}", retry_after=0))
        raise made[-1]

    with pytest.raises(BusyError, match="busy 2"):
        await retrying(3)(fail)
    assert len(made) == 3

"""What an attacker who chooses URLs, redirects and DNS answers can reach: nothing but public addresses."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import httpcore2
import httpx2
import pytest

from lumo_graph.errors import AddressError, ConfigurationError, LumoGraphError
from lumo_graph.web.public import acheck_url, check_url, public_async_client, public_client
from tests.web.certificates import server_context, trusting
from tests.web.detours import AsyncDetour, Detour
from tests.web.sites import Page, serve

PUBLIC = "93.184.216.34"
OTHER = "2606:2800:220:1:248:1893:25c8:1946"


class Client:
    """One door to the sync and the async client: `get` makes a client, asks and closes it."""

    def __init__(self, flavour):
        self.flavour = flavour

    def network(self, port):
        return Detour(port) if self.flavour == "sync" else AsyncDetour(port)

    def get(self, *urls, method="GET", headers=None, **options):
        if self.flavour == "sync":
            with public_client(**options) as client:
                return [client.request(method, url, headers=headers) for url in urls][-1]

        async def ask():
            async with public_async_client(**options) as client:
                return [await client.request(method, url, headers=headers) for url in urls][-1]

        return asyncio.run(ask())


@pytest.fixture(params=["sync", "async"])
def client(request):
    return Client(request.param)


def answers(*lists):
    """A DNS server: the lists in order, the last one for ever. Remembers what it was asked."""
    left = list(lists)

    def resolve(host, port):
        resolve.asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    resolve.asked = []
    return resolve


@contextmanager
def nobody_connects():
    """A port that notices every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


# -- names and their addresses ----------------------------------------------------------------------------------------


def test_a_name_with_a_public_address_is_reached_at_that_address(client):
    with serve({"/": Page(body="hello")}) as site:
        network = client.network(site.port)
        assert client.get("http://example.com/", resolve=answers([PUBLIC]), network=network).text == "hello"
    assert network.asked == [PUBLIC]
    assert site.seen[0].headers["host"] == "example.com"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_that_leads_to_a_private_address_is_refused_without_a_connection(client, address):
    with nobody_connects() as port:
        network = client.network(port)
        with pytest.raises(AddressError, match=rf"'evil\.example' leads to {address}.*may not be connected to"):
            client.get("http://evil.example/", resolve=answers([address]), network=network)
    assert network.asked == []


@pytest.mark.parametrize("listed", [[PUBLIC, "10.0.0.7"], ["10.0.0.7", PUBLIC], [PUBLIC, OTHER, "::1"]])
def test_one_private_address_among_several_is_enough_to_refuse(client, listed):
    with nobody_connects() as port:
        network = client.network(port)
        with pytest.raises(AddressError):
            client.get("http://mixed.example/", resolve=answers(listed), network=network)
    assert network.asked == []


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(client):
    rebinding = answers([PUBLIC], ["127.0.0.1"])
    with serve({"/": Page(body="hello")}) as site:
        network = client.network(site.port)
        assert client.get("http://rebind.example/", resolve=rebinding, network=network).text == "hello"
    assert rebinding.asked == ["rebind.example"]
    assert network.asked == [PUBLIC]


def test_a_kept_connection_is_not_looked_up_again_and_a_new_one_is(client):
    rebinding = answers([PUBLIC], ["127.0.0.1"])
    with serve({"/": Page(body="hello"), "/close": Page(headers={"Connection": "close"})}) as site:
        network = client.network(site.port)
        url = "http://rebind.example"
        client.get(f"{url}/", f"{url}/", resolve=rebinding, network=network)
        assert network.asked == [PUBLIC]
        with pytest.raises(AddressError):
            client.get(f"{url}/close", f"{url}/", resolve=answers([PUBLIC], ["127.0.0.1"]), network=network)


def test_the_next_address_is_tried_if_the_first_does_not_answer(client):
    with serve({"/": Page(body="hello")}) as site:
        network = client.network(site.port)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        ports = iter([dead, site.port])
        original = network.connect_tcp

        def connect(host, port, *rest):
            network.port = next(ports)
            return original(host, port, *rest)

        network.connect_tcp = connect
        assert client.get("http://two.example/", resolve=answers([OTHER, PUBLIC]), network=network).text == "hello"
    assert network.asked == [OTHER, PUBLIC]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "0", "localhost", "[::1]",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "LOCALHOST", "user:pw@127.0.0.1",
     "public.example@127.0.0.1", "①②⑦.0.0.1", "127。0。0。1"],
)  # fmt: skip
def test_every_spelling_of_this_machine_is_refused(client, host):
    with nobody_connects() as port, pytest.raises((AddressError, httpx2.InvalidURL)):
        client.get(f"http://{host}:{port}/")


def test_a_trailing_dot_is_the_same_name(client):
    resolve = answers(["127.0.0.1"])
    with pytest.raises(AddressError):
        client.get("http://localhost./", resolve=resolve)
    assert resolve.asked == ["localhost."]


def test_an_international_name_is_looked_up_as_dns_knows_it(client):
    resolve = answers([PUBLIC])
    with serve({"/": Page(body="hallo")}) as site:
        assert client.get("http://bücher.example/", resolve=resolve, network=client.network(site.port)).text == "hallo"
    assert resolve.asked == ["xn--bcher-kva.example"]


def test_a_port_changes_nothing(client):
    with nobody_connects() as port, pytest.raises(AddressError):
        client.get(f"http://evil.example:{port}/", resolve=answers(["127.0.0.1"]))


def test_private_addresses_are_reached_where_they_are_allowed_and_metadata_services_are_not(client):
    with serve({"/": Page(body="local")}) as site:
        assert client.get(site.url(), allow_private=True).text == "local"
    with pytest.raises(
        AddressError, match="'169.254.169.254' is not a public address \\(a cloud's metadata service\\)"
    ):
        client.get("http://169.254.169.254/latest/meta-data/", allow_private=True)


# -- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0177.1:{port}/",
     "http://[::ffff:127.0.0.1]:{port}/", "//127.0.0.1:{port}/", "http://0x7f000001:{port}/"],
)  # fmt: skip
def test_a_redirect_of_a_public_host_to_a_private_one_is_refused(client, target):
    with nobody_connects() as port, serve() as site:
        site.answers["/"] = Page(status=302, headers={"Location": target.format(port=port)})
        network = client.network(site.port)

        def resolve(host, number):
            if host == "public.example":
                return [PUBLIC]
            return [str(place[0]) for *_, place in socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)]

        with pytest.raises(AddressError):
            client.get("http://public.example/", resolve=resolve, network=network, follow_redirects=True)
    assert network.asked == [PUBLIC]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://public.example/", "gopher://127.0.0.1:70/_"])
def test_a_redirect_to_another_kind_of_address_is_refused(client, target):
    with serve({"/": Page(status=302, headers={"Location": target})}) as site:
        network = client.network(site.port)
        with pytest.raises(httpx2.UnsupportedProtocol):
            client.get("http://public.example/", resolve=answers([PUBLIC]), network=network, follow_redirects=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "unix:///run/docker.sock", "http:///path"])
def test_only_http_is_spoken(client, url):
    with pytest.raises((httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
        client.get(url)


def test_a_password_is_not_handed_on_to_the_host_of_a_redirect(client):
    with serve({"/": Page(status=302, headers={"Location": "http://second.example/next"}), "/next": Page()}) as site:
        client.get(
            "http://user:secret@first.example/",
            resolve=answers([PUBLIC]), network=client.network(site.port), follow_redirects=True,
        )  # fmt: skip
    assert "authorization" in site.seen[0].headers
    assert "authorization" not in site.seen[1].headers


# -- TLS --------------------------------------------------------------------------------------------------------------


def test_tls_and_the_host_header_keep_the_name_although_the_address_is_connected_to(client, tmp_path):
    with serve({"/": Page(body="safe")}, tls=server_context(tmp_path, "secure.example")) as site:
        network = client.network(site.port)
        reply = client.get("https://secure.example/", resolve=answers([PUBLIC]), network=network, verify=trusting())
    assert reply.text == "safe"
    assert site.names == ["secure.example"]
    assert site.seen[0].headers["host"] == "secure.example"
    assert network.asked == [PUBLIC]


def test_a_certificate_for_another_name_is_refused(client, tmp_path):
    with serve({"/": Page()}, tls=server_context(tmp_path, "secure.example")) as site:
        network = client.network(site.port)
        with pytest.raises(httpx2.ConnectError, match="(?i)certificate"):
            client.get("https://other.example/", resolve=answers([PUBLIC]), network=network, verify=trusting())


def test_two_names_at_one_address_do_not_share_a_connection(client, tmp_path):
    with serve({"/": Page()}, tls=server_context(tmp_path, "secure.example")) as site:
        network = client.network(site.port)
        with pytest.raises(httpx2.ConnectError, match="(?i)certificate"):
            client.get(
                "https://secure.example/", "https://other.example/",
                resolve=answers([PUBLIC]), network=network, verify=trusting(),
            )  # fmt: skip


# -- ways around ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["proxy", "transport", "mounts"])
@pytest.mark.parametrize("make", [public_client, public_async_client])
def test_options_that_would_lead_around_the_check_are_refused(make, option):
    with pytest.raises(ConfigurationError, match=option):
        make(**{option: "http://127.0.0.1:3128"})


def test_proxies_of_the_environment_are_not_used(client, monkeypatch):
    with nobody_connects() as port, serve({"/": Page(body="direct")}) as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        network = client.network(site.port)
        reply = client.get("http://example.com/", resolve=answers([PUBLIC]), network=network, trust_env=True)
        assert reply.text == "direct"


def test_a_host_header_does_not_change_where_a_request_goes(client):
    resolve = answers([PUBLIC])
    with serve({"/": Page(body="hello")}) as site:
        network = client.network(site.port)
        client.get("http://example.com/", headers={"Host": "127.0.0.1"}, resolve=resolve, network=network)
    assert resolve.asked == ["example.com"]


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_unix_sockets_are_refused(flavour, tmp_path):
    from lumo_graph.web.backends import AsyncPublicBackend, PublicBackend
    from lumo_graph.web.resolving import Resolver

    resolver = Resolver(resolve=answers([PUBLIC]))
    path = str(tmp_path / "socket")
    if flavour == "sync":
        connect = lambda: PublicBackend(resolver, httpcore2.SyncBackend()).connect_unix_socket(path)
    else:
        backend = AsyncPublicBackend(resolver, httpcore2.AnyIOBackend())
        connect = lambda: asyncio.run(backend.connect_unix_socket(path))
    with pytest.raises(AddressError, match="socket of this machine"):
        connect()


# -- failures ---------------------------------------------------------------------------------------------------------


def test_an_address_error_is_the_callers_to_correct_and_none_of_the_networks():
    assert issubclass(AddressError, (ConfigurationError, LumoGraphError))
    assert not issubclass(AddressError, (OSError, httpx2.HTTPError))


@pytest.mark.parametrize("fault", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_resolved_is_a_connect_error_that_names_it(client, fault):
    def resolve(host, port):
        raise fault

    with pytest.raises(httpx2.ConnectError, match="'missing.example' cannot be resolved"):
        client.get("http://missing.example/", resolve=resolve)


@pytest.mark.parametrize("port", [65536, 99999])
def test_a_port_that_does_not_exist_is_a_connect_error(client, port):
    with pytest.raises(httpx2.ConnectError, match="is not a port"):
        client.get(f"http://example.com:{port}/", resolve=answers([PUBLIC]))


def test_a_name_without_addresses_is_a_connect_error(client):
    with pytest.raises(httpx2.ConnectError, match="'empty.example' has no address"):
        client.get("http://empty.example/", resolve=answers([]))


def test_a_name_with_hundreds_of_addresses_is_refused(client):
    with pytest.raises(AddressError, match="200 addresses"):
        client.get("http://many.example/", resolve=answers([f"93.184.216.{n}" for n in range(200)]))


def test_a_lookup_that_does_not_end_is_a_timeout_and_blocks_nobody(client):
    ended = threading.Event()

    def resolve(host, port):
        ended.wait(30)
        return [PUBLIC]

    try:
        with pytest.raises(httpx2.ConnectTimeout, match="Looking up 'slow.example' took longer than 0.2 s"):
            client.get("http://slow.example/", resolve=resolve, timeout=0.2)
    finally:
        ended.set()
    for thread in [one for one in threading.enumerate() if one.name == "lumo-lookup"]:
        thread.join(10)


def test_a_server_that_breaks_off_is_an_error_of_httpx(client):
    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"only this")

    with serve({"/": break_off}) as site, pytest.raises(httpx2.RemoteProtocolError):
        client.get(site.url(), allow_private=True)


def test_no_connection_is_left_open(client):
    with serve({"/": Page(body="hello")}) as site:
        client.get(site.url(), site.url(), allow_private=True)
        assert site.idle()


# -- before any work --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sync", "async"])
def check(request):
    return check_url if request.param == "sync" else lambda *args, **options: asyncio.run(acheck_url(*args, **options))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:11434/v1", "https://localhost/v1", "http://[::1]/", "http://0x7f.1/"]
)
def test_a_url_can_be_refused_before_it_is_used(url, check):
    with pytest.raises(AddressError, match="not a public address"):
        check(url)
    check(url, allow_private=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http:///v1", "api.example.com", "http://[::1", "http://a:b/"])
def test_what_is_no_http_url_is_refused_before_it_is_used(url, check):
    with pytest.raises(AddressError, match="URL"):
        check(url, resolve=answers([PUBLIC]))


def test_a_public_url_and_one_that_cannot_be_resolved_now_are_not_refused(check):
    check("https://example.com/v1", resolve=answers([PUBLIC]))
    check("https://example.com/v1", resolve=answers([]))


def test_a_model_at_a_refused_address_fails_at_once_as_the_callers_error():
    from langchain_openai import ChatOpenAI

    from lumo_graph.models import call_model

    with nobody_connects() as port, public_client() as http:
        model = ChatOpenAI(
            model="m", base_url=f"http://127.0.0.1:{port}/v1", api_key="k", http_client=http, max_retries=0
        )
        with pytest.raises(AddressError, match="not a public address"):
            call_model(model, [("user", "Hi")])

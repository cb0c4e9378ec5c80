from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.web.addresses import refusal_of

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2a00:1450:4001:80b::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
REFUSED = {
    "0.0.0.0": "this machine",  # noqa: S104 - an address to judge
    "0.1.2.3": "this machine",
    "127.0.0.1": "this machine",
    "127.255.255.254": "this machine",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "shared by a provider's customers",
    "100.100.100.200": "a cloud's metadata service",
    "169.254.1.1": "link-local",
    "169.254.169.254": "a cloud's metadata service",
    "168.63.129.16": "a cloud's metadata service",
    "192.0.0.8": "reserved",
    "192.0.0.192": "a cloud's metadata service",
    "192.0.2.1": "reserved for documentation",
    "192.88.99.1": "reserved",
    "198.18.0.1": "reserved for benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "this machine",
    "::1": "this machine",
    "::1%lo": "this machine",
    "::127.0.0.1": "this machine",
    "::ffff:127.0.0.1": "this machine",
    "::ffff:7f00:1": "this machine",
    "::ffff:169.254.169.254": "a cloud's metadata service",
    "::ffff:10.0.0.1": "private",
    "64:ff9b::7f00:1": "this machine",
    "64:ff9b::a9fe:a9fe": "a cloud's metadata service",
    "64:ff9b:1::1": "reserved",
    "100::1": "reserved",
    "2001::1": "a Teredo tunnel",
    "2001:10::1": "reserved",
    "2001:db8::1": "reserved for documentation",
    "2002:7f00:1::": "a 6to4 tunnel",
    "2002:808:808::1": "a 6to4 tunnel",
    "3fff::1": "reserved for documentation",
    "5f00::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "a cloud's metadata service",
    "fd20:ce::254": "a cloud's metadata service",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf::1": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "localhost": "no IP address",
    "127.1": "no IP address",
    "2130706433": "no IP address",
    "0177.0.0.1": "no IP address",
    "": "no IP address",
}
NEVER = ["169.254.1.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "fe80::1", "ff02::1", "224.0.0.1",
         "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2130706433"]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address):
    assert refusal_of(address) is None


@pytest.mark.parametrize(("address", "kind"), REFUSED.items())
def test_an_address_that_is_not_public_is_refused_and_named(address, kind):
    assert refusal_of(address) == kind


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::2", "100.64.0.1"])
def test_private_addresses_are_let_through_where_they_are_allowed(address):
    assert refusal_of(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_link_local_multicast_and_metadata_addresses_are_refused_even_then(address):
    assert refusal_of(address, allow_private=True) is not None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_an_ipv6_one_is_judged_as_itself(address: IPv4Address):
    own = refusal_of(str(address))
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        wrapped = IPv6Address(int(IPv6Address(prefix)) | int(address))
        assert refusal_of(str(wrapped)) == own


@given(st.ip_addresses())
def test_nothing_that_python_calls_not_global_is_let_through(address):
    # ::ffff:0:0/96 and 64:ff9b::/96 hold an IPv4 address, which is judged instead.
    if refusal_of(str(address)) is None and not address.is_global:
        assert isinstance(address, IPv6Address)
        assert address in IPv6Network("::ffff:0:0/96") or address in IPv6Network("64:ff9b::/96")


@pytest.mark.parametrize(
    "network", ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"],
)  # fmt: skip
def test_both_ends_of_a_special_network_are_refused_and_their_neighbours_are_not(network):
    first, last = IPv4Network(network)[0], IPv4Network(network)[-1]
    assert refusal_of(str(first))
    assert refusal_of(str(last))
    for neighbour in (int(first) - 1, int(last) + 1):
        if 0 < neighbour < 2**32 and network not in ("224.0.0.0/4", "240.0.0.0/4"):
            assert refusal_of(str(ip_address(neighbour))) is None

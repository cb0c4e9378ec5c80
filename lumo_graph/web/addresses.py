"""Which IP addresses are public. `ipaddress.is_global` alone differs between versions of Python, and knows no tunnels.

The networks are those of IANA's special-purpose registries (RFC 6890 and its successors), as far as a connection could
be made to them.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_METADATA = frozenset({
    IPv4Address("169.254.169.254"),  # nearly all
    IPv4Address("168.63.129.16"),  # Azure: looks public, and answers inside a virtual machine only
    IPv4Address("100.100.100.200"),  # Alibaba
    IPv4Address("192.0.0.192"),  # Oracle
    IPv6Address("fd00:ec2::254"),  # AWS
    IPv6Address("fd20:ce::254"),  # Google
})  # fmt: skip

_SPECIAL = (
    (IPv4Network("0.0.0.0/8"), "this machine"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("100.64.0.0/10"), "shared by a provider's customers"),
    (IPv4Network("127.0.0.0/8"), "this machine"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.0.0.0/24"), "reserved"),
    (IPv4Network("192.0.2.0/24"), "reserved for documentation"),
    (IPv4Network("192.88.99.0/24"), "reserved"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("198.18.0.0/15"), "reserved for benchmarks"),
    (IPv4Network("198.51.100.0/24"), "reserved for documentation"),
    (IPv4Network("203.0.113.0/24"), "reserved for documentation"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
    (IPv6Network("::/127"), "this machine"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("fec0::/10"), "private"),
    (IPv6Network("ff00::/8"), "multicast"),
    (IPv6Network("2001::/32"), "a Teredo tunnel"),
    (IPv6Network("2001::/23"), "reserved"),
    (IPv6Network("2001:db8::/32"), "reserved for documentation"),
    (IPv6Network("2002::/16"), "a 6to4 tunnel"),
    (IPv6Network("3fff::/20"), "reserved for documentation"),
)
"""Networks that are not public, the narrower of two first, and what they are."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = (IPv6Network("::/96"), IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""An IPv4 address in the last 32 bits decides: compatible, mapped, and NAT64, which is how IPv6-only networks see the
IPv4 internet."""

_NEVER = ("link-local", "multicast", "a cloud's metadata service")


def refusal_of(address: str, *, allow_private: bool = False) -> str | None:
    """What an address is that may not be connected to; None if it may be.

    Args:
        address: a numeric IP address, an IPv6 zone included.
        allow_private: this machine and private networks may be connected to as well. Link-local and multicast
            addresses and a cloud's metadata service never are.

    Returns:
        Words that complete "... is", such as "link-local".
    """
    try:
        kind = _kind_of(ip_address(address))
    except ValueError:
        return "no IP address"
    if kind is None or (allow_private and kind not in _NEVER):
        return None
    return kind


def _kind_of(address: IPv4Address | IPv6Address) -> str | None:
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address))  # without its zone
    if address in _METADATA:
        return "a cloud's metadata service"
    kind = next((kind for network, kind in _SPECIAL if address in network), None)
    if kind is not None:
        return kind
    if any(address in network for network in _TRANSLATED):
        return _kind_of(IPv4Address(int(address) & 0xFFFFFFFF))
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None if address.is_global else "private"

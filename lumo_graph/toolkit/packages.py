"""Packages that only some installations have."""

from importlib.util import find_spec

from lumo_graph.errors import ConfigurationError


def require_packages(tool: str, *packages: str) -> None:
    """Refuse a tool whose packages are not installed.

    Args:
        tool: name of the tool.
        packages: what it imports.

    Raises:
        ConfigurationError: one is missing; says how to install it.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ConfigurationError(
            f"The tool {tool!r} needs packages that are not installed ({', '.join(missing)}): "
            f"pip install 'lumo-graph[tools]'."
        )

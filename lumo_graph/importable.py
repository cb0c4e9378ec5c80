"""Which imports a list of modules lets through. The session asks, and so does the check that comes before an action."""

from collections.abc import Collection


def is_importable(name: str, allowed: Collection[str]) -> bool:
    """Whether a module is listed, lies in a package that is, or is a package on the way to one that is."""
    return any(name == other or name.startswith(f"{other}.") or other.startswith(f"{name}.") for other in allowed)


def describe_refusal(name: str, allowed: Collection[str]) -> str:
    """What to tell about an import that is refused."""
    return f"{name!r} may not be imported here. Allowed: {', '.join(allowed) or 'nothing'}."

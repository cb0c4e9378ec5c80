"""What a `ProcessExecutor` was made with, as the start of each session sees it."""

from dataclasses import dataclass

from lumo_graph.types import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that all sessions of one executor share. Checked by `ProcessExecutor`."""

    require: Tier = "fs"
    """The least isolation to run code behind."""
    preload: tuple[str, ...] = ()
    """Modules that the zygote has loaded."""
    freeze_below_mb: int = 512
    """Memory up to which a copy is frozen before each action; 0: never."""
    launch: tuple[str, ...] = ()
    """Command that starts a Python for each session; empty: sessions are forked from the zygote."""

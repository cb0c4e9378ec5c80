"""Files that the code of a run has left in its working directory."""

import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumo_graph.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file as it was when the run ended. Its content comes from the model's code: untrusted."""

    name: str
    """Path below the working directory, such as `plots/sales.png`."""
    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)

    @property
    def media_type(self) -> str:
        """What its name says it is, such as `image/png`; `application/octet-stream` if it says nothing."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def text(self) -> str:
        """The content as text; what is not UTF-8 in it is replaced."""
        return self.content.decode("utf-8", "replace")

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write it below a folder, which is made if there is none.

        Returns:
            Where it is now.

        Raises:
            ConfigurationError: its name would lead out of the folder.
            OSError: it cannot be written.
        """
        root = Path(folder).resolve()
        path = (root / self.name).resolve()
        if root not in path.parents:
            raise ConfigurationError(f"The artifact {self.name!r} cannot be saved in {str(folder)!r}: it lies outside.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


def artifacts_of(files: Mapping[str, bytes]) -> tuple[Artifact, ...]:
    """The artifacts in a state's `artifacts`, by name."""
    return tuple(Artifact(name=name, content=content) for name, content in sorted(files.items()) if name[-1:] != "/")

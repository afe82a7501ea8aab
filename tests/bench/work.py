"""What every measurement needs: how often, where, and which server."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.server import Server


@dataclass(frozen=True, slots=True)
class Work:
    """One run of the bench.

    Parameters
    ----------
    rounds
        How often everything is measured.
    root
        The folder below which everything is written; the same disk for whatever is compared.
    server
        The loopback server.
    png
        A picture like those that the server sends.
    bodies
        The answers that it sends, as files.
    """

    rounds: int
    root: Path
    server: Server
    png: Path
    bodies: tuple[Path, ...]

    def folder(self) -> Path:
        """Make an empty folder."""
        return Path(tempfile.mkdtemp(dir=self.root))


def median(values: Sequence[float]) -> float:
    """Give the middle value."""
    return statistics.median(values)

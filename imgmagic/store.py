"""Encoded pictures as plain files, named by what they hold: ``objects/ab/<sha256>.<png|jpg|webp>``.

Any viewer opens them, the same bytes are kept once, and a name can be checked against its content. The folder is
untrusted input: a path is only ever built from a digest that looks like one, and what is read is hashed again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imgmagic.errors import HistoryError, printable
from imgmagic.formats import DIGEST, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgmagic.exchange import Format

#: The largest file that is read back, in bytes.
MAX_FILE = 200 * 2**20

#: A file is young for so many seconds; `prune` leaves files alone for longer.
YOUNG_S = 1800.0


class Store:
    """A folder of encoded pictures.

    Parameters
    ----------
    root
        The folder; made when the first picture is put into it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str, kind: Format) -> Path:
        """Give the file of a picture, whether it is there or not.

        Raises
        ------
        HistoryError
            If ``digest`` is no sha256 or ``kind`` no known format, as a manipulated folder may claim.
        """
        if not DIGEST.fullmatch(digest) or kind not in SUFFIX:
            raise HistoryError(f"The history names a file that cannot be one: '{printable(digest, 80)}'.")
        return self.root / digest[:2] / f"{digest}.{SUFFIX[kind]}"

    def put(self, data: bytes, kind: Format) -> str:
        """Keep a picture and give its digest; when this returns, the bytes are on the disk under their name."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest, kind)
        if not (_holds(path, data) and _touched(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        return digest

    def discard(self, path: Path, before: float) -> int:
        """Delete a file that nothing needs, and give its size in bytes; 0 if somebody has just come to need it.

        Parameters
        ----------
        path
            One of `files`.
        before
            A time (seconds since the epoch); a file that was put since then stays.
        """
        # Put aside first: whoever puts the same bytes from now on writes them anew, whoever did just before has
        # touched the file, so that it is young.
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.gone")
        try:
            if path.stat().st_mtime >= before:
                return 0
            path.replace(aside)
            about = aside.stat()
            if about.st_mtime >= before:
                aside.replace(path)
                return 0
            aside.unlink()
        except OSError:
            return 0
        return about.st_size

    def get(self, digest: str, kind: Format) -> bytes:
        """Read a picture back.

        Raises
        ------
        HistoryError
            If the file is missing, too large, or holds other bytes than its name says.
        """
        return _read(self.path(digest, kind), digest)

    def stamp(self, digest: str, kind: Format) -> str:
        """Say in which state a picture's file is: any write to it changes its size or its time.

        Raises
        ------
        HistoryError
            If it is missing.
        """
        path = self.path(digest, kind)
        try:
            found = path.stat()
        except OSError as exc:
            raise _missing(path) from exc
        return f"{found.st_size}.{found.st_mtime_ns}"

    def files(self) -> Iterator[Path]:
        """Give every file below the folder, temporary ones included."""
        return (path for path in sorted(self.root.glob("*/*")) if path.is_file())


_CHECK = "`%imgmagic check` lists everything that is damaged."


def _read(path: Path, digest: str) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE:
            raise HistoryError(f"{path} is larger than {MAX_FILE // 2**20} MB; it is not read.")
        data = path.read_bytes()
    except OSError as exc:
        raise _missing(path) from exc
    if hashlib.sha256(data).hexdigest() != digest:
        raise HistoryError(f"The picture's file was changed: {path} holds other bytes than its name.", hint=_CHECK)
    return data


def _missing(path: Path) -> HistoryError:
    return HistoryError(f"The picture's file is missing: {path}.", hint=_CHECK)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: to a temporary one beside it, flushed, then renamed."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _touched(path: Path) -> bool:
    """Say that an old file is needed now; False if it has just been taken away.

    What is young is not pruned anyhow, and its previews know it by its time.
    """
    try:
        if path.stat().st_mtime < time.time() - YOUNG_S:
            os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:  # somebody else's file, which is there all the same
        return True
    return True


def _holds(path: Path, data: bytes) -> bool:
    """Tell whether the file is there and whole; a damaged one is written anew."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False

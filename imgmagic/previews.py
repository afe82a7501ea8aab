"""Previews, kept so that a notebook which is run again shows its pictures without decoding the originals.

Plain files beside the store: ``previews/ab/<name>-<stamp>-<width>x<height>-<crc32>.<jpg|webp>``. They are copies that
can be made again at any time, so nothing that goes wrong here is an error, and whoever deletes the folder loses
nothing. The stamp says of which state of the original's file it is a copy: another one needs another preview.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from imgmagic.formats import Preview

_KINDS = {".jpg": ("image/jpeg", b"\xff\xd8\xff"), ".webp": ("image/webp", b"RIFF")}
_NAME = re.compile(r".*-(\d{1,4})x(\d{1,4})-([0-9a-f]{8})\.(?:jpg|webp)")
_LARGEST = 400_000


class Previews:
    """A folder of previews.

    Parameters
    ----------
    root
        The folder; made when the first preview is put into it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, name: str, stamp: str) -> Preview | None:
        """Give a preview that was made before; None if there is none of this stamp, or it is damaged."""
        with suppress(OSError):
            folder = self._folder(name)
            for each in os.listdir(folder):  # noqa: PTH208  ten times as quick as glob
                found = _read(folder / each) if each.startswith(f"{name}-{stamp}-") else None
                if found:
                    return found
        return None

    def put(self, name: str, stamp: str, preview: Preview) -> Preview:
        """Keep a preview in the place of older ones, if that is possible, and give it back."""
        suffix = next(suffix for suffix, (mime, _) in _KINDS.items() if mime == preview.mime)
        folder = self._folder(name)
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for each in folder.glob(f"{name}-*"):
                each.unlink()
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
                file.write(preview.data)
            width, height = preview.size
            Path(file.name).replace(folder / f"{name}-{stamp}-{width}x{height}-{crc32(preview.data):08x}{suffix}")
        return preview

    def files(self) -> list[Path]:
        """Give every file below the folder, temporary ones included."""
        return [path for path in sorted(self._root.glob("*/*")) if path.is_file()]

    def damaged(self) -> list[Path]:
        """Give every file that would not be shown, because it is damaged or no preview at all."""
        return [path for path in self.files() if _read(path) is None]

    def forget(self, digest: str) -> None:
        """Delete every preview of a picture."""
        for path in self._folder(digest).glob(f"{digest}-*"):
            path.unlink(missing_ok=True)

    def _folder(self, name: str) -> Path:
        return self._root / name[:2]


def _read(path: Path) -> Preview | None:
    """Read a preview; None if the file is none, or does not hold what its name says."""
    match = _NAME.fullmatch(path.name)
    if match is None or path.stat().st_size > _LARGEST:
        return None
    data, (mime, magic) = path.read_bytes(), _KINDS[path.suffix]
    whole = data.startswith(magic) and f"{crc32(data):08x}" == match[3]
    return Preview(data, mime, (int(match[1]), int(match[2]))) if whole else None

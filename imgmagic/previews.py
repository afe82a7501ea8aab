"""Previews, kept so that a notebook which is run again shows its pictures without decoding the originals.

Plain files beside the store: ``previews/ab/<name>-<stamp>-<width>x<height>.<jpg|webp>``. They are copies that can be
made again at any time, so nothing that goes wrong here is an error, and whoever deletes the folder loses nothing. The
stamp says of which state of the original's file it is a copy: another one needs another preview.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from imgmagic.formats import Preview

_KINDS = {".jpg": ("image/jpeg", b"\xff\xd8\xff"), ".webp": ("image/webp", b"RIFF")}
_NAME = re.compile(r".*-(\d{1,4})x(\d{1,4})\.(?:jpg|webp)")
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
                match = _NAME.fullmatch(each) if each.startswith(f"{name}-{stamp}-") else None
                path = folder / each
                if match and path.stat().st_size <= _LARGEST:
                    data, (mime, magic) = path.read_bytes(), _KINDS[path.suffix]
                    return Preview(data, mime, (int(match[1]), int(match[2]))) if data.startswith(magic) else None
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
            Path(file.name).replace(folder / f"{name}-{stamp}-{preview.size[0]}x{preview.size[1]}{suffix}")
        return preview

    def _folder(self, name: str) -> Path:
        return self._root / name[:2]

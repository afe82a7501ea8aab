"""The zip of a recording: one JSON text and pictures named by what they hold, ``objects/<sha256>.<png|jpg|webp>``.

Writing is deterministic: stored, not deflated (pictures are compressed already, and two zlibs deflate differently), in
order of their names and with one date, so that the same content is the same file and git keeps it once.

Reading believes nothing. Every name must be one of the two forms above, so nothing leads out of the archive, and
nothing is ever extracted to a path anyway: pictures are handed over as bytes, after hashing. `zipfile` reads only the
directory of the zip, since its sizes are claims; the entries are read here, each with a bound of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import struct
import zipfile
import zlib
from io import FileIO
from typing import TYPE_CHECKING, Any

from imgmagic.errors import HistoryError, ImageError, printable
from imgmagic.formats import SUFFIX, sniff
from imgmagic.store import MAX_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from imgmagic.exchange import Format

INDEX = "recording.json"

#: The largest index, in bytes.
MAX_INDEX = 50 * 2**20

#: The largest directory of a zip that is read, in bytes: about 130,000 pictures.
MAX_DIRECTORY = 16 * 2**20

#: How many times its packed size an entry may have; up to `_SMALL` bytes it may be anything.
MAX_RATIO = 200

_SMALL = 2**20
_NAME = re.compile(r"objects/(?P<digest>[0-9a-f]{64})\.(?:png|jpg|webp)")
_LFS = b"version https://git-lfs.github.com/spec/"
_LOCAL = struct.Struct("<4s22xHH")  # the header before an entry: its mark, the lengths of its name and of what follows
_MARK = b"PK\x03\x04"
_HARMLESS = 0x80E  # flags of an entry: UTF-8 name, sizes behind the data, how hard it was packed
_FOLDER = 0x10
_UNIX = 3

# What a damaged zip makes zipfile, zlib and struct raise.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, NotImplementedError, RuntimeError)

_AGAIN = "Get the file again from where it came, or take it away."
_PULL = "Git keeps the file elsewhere: `git lfs pull` gets it."

Stamp = tuple[int, int]


def unusable(path: Path, what: str, hint: str = _AGAIN) -> HistoryError:
    """Say in one sentence why a file is no recording."""
    return HistoryError(f"{printable(str(path))} cannot be used as a recording: {what}.", hint=hint)


def stamp(about: os.stat_result) -> Stamp:
    """Give what changes when a file is written anew: its time of writing in ns, and its size in bytes."""
    return about.st_mtime_ns, about.st_size


def name_of(digest: str, kind: Format) -> str:
    """Name the entry of a picture."""
    return f"objects/{digest}.{SUFFIX[kind]}"


def problem_of(data: bytes, digest: str, suffix: str) -> str:
    """Say why these bytes cannot be the picture with this digest and suffix, or nothing."""
    if len(data) > MAX_FILE:
        return f"is larger than {MAX_FILE // 2**20} MB"
    if hashlib.sha256(data).hexdigest() != digest:
        return "holds other bytes than its name says"
    try:
        kind = sniff(data)
    except ImageError:
        return "is no PNG, JPEG or WebP picture"
    return "" if SUFFIX[kind] == suffix else f"is in truth a {kind} picture"


class Archive:
    """A zip whose directory was read and found harmless.

    Parameters
    ----------
    path
        The file; it is opened for each reading and never kept open.
    made
        Its `stamp`.
    index
        The entry of the JSON text.
    pictures
        The entries of the pictures by digest.
    """

    def __init__(
        self, path: Path, made: Stamp, index: zipfile.ZipInfo, pictures: Mapping[str, zipfile.ZipInfo]
    ) -> None:
        self.path = path
        self.stamp = made
        self._index = index
        self._pictures = pictures

    @classmethod
    def open(cls, path: Path) -> Archive:
        """Read the directory of a zip.

        Raises
        ------
        HistoryError
            If it is none, or has an entry that a recording does not have.
        """
        try:
            with _Bounded(path) as file:
                _check_head(path, file.read(len(_LFS)))
                made = stamp(os.fstat(file.fileno()))
                with zipfile.ZipFile(file) as zipped:
                    entries = zipped.infolist()
        except OSError as exc:
            raise _unreadable(path, exc) from exc
        except _BROKEN as exc:
            raise unusable(path, f"it is no zip, or a part of one ({printable(str(exc), 100)})") from exc
        _check_entries(path, entries, made[1])
        named = {entry.filename: entry for entry in entries}
        if INDEX not in named:
            raise unusable(path, f"there is no {INDEX} in it")
        index = named.pop(INDEX)
        return cls(path, made, index, {_digest(name): entry for name, entry in named.items()})

    def index(self) -> bytes:
        """Read the JSON text."""
        data = self._read(self._index, MAX_INDEX)
        if data.startswith(_LFS):
            raise unusable(self.path, f"{INDEX} in it is a Git LFS pointer", _PULL)
        if zlib.crc32(data) != self._index.CRC:
            raise unusable(self.path, f"{INDEX} in it is damaged")
        return data

    def name(self, digest: str) -> str:
        """Give the name of a picture's entry, or nothing if there is none."""
        return self._pictures[digest].filename if digest in self._pictures else ""

    def picture(self, digest: str) -> bytes:
        """Read a picture and hash it.

        Raises
        ------
        HistoryError
            If it is not there, too large, no picture, or another one.
        """
        if digest not in self._pictures:
            raise unusable(self.path, f"the picture {printable(digest, 80)} is not in it")
        entry = self._pictures[digest]
        data = self._read(entry, MAX_FILE)
        if data.startswith(_LFS):
            raise unusable(self.path, f"{entry.filename} in it is a Git LFS pointer", f"{_PULL} Then record again.")
        problem = problem_of(data, digest, entry.filename.rpartition(".")[2])
        if problem:
            raise unusable(self.path, f"{entry.filename} in it {problem}")
        return data

    def _read(self, entry: zipfile.ZipInfo, limit: int) -> bytes:
        """Read an entry of at most ``limit`` bytes, whatever it says about itself."""
        try:
            with self.path.open("rb") as file:
                if stamp(os.fstat(file.fileno())) != self.stamp:
                    raise unusable(self.path, "it was changed after it had been opened", "Run the cell again.")
                file.seek(entry.header_offset)
                mark, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
                file.seek(name + extra, os.SEEK_CUR)
                packed = file.read(min(entry.compress_size, limit))
            data = packed if entry.compress_type == zipfile.ZIP_STORED else _inflated(packed, limit)
        except OSError as exc:
            raise _unreadable(self.path, exc) from exc
        except _BROKEN as exc:
            raise unusable(self.path, f"{entry.filename} in it is damaged") from exc
        if mark != _MARK or len(data) != entry.file_size:
            raise unusable(self.path, f"{entry.filename} in it is damaged or too large")
        return data


class _Bounded(FileIO):
    """A file of which zipfile cannot read more at once than a directory may have."""

    def read(self, size: int | None = -1, /) -> Any:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory is larger than {MAX_DIRECTORY // 2**20} MB")
        return super().read(MAX_DIRECTORY if size is None or size < 0 else size)


def _inflated(packed: bytes, limit: int) -> bytes:
    """Unpack as much as is allowed, and one byte more where there is more."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, min(limit, _unpacked(len(packed))) + 1)


def _unpacked(packed: int) -> int:
    """Give the most bytes that so many packed ones may become."""
    return max(_SMALL, MAX_RATIO * packed)


def _digest(name: str) -> str:
    match = _NAME.fullmatch(name)
    return match["digest"] if match else ""


def _unreadable(path: Path, exc: OSError) -> HistoryError:
    return unusable(path, f"it cannot be read ({exc.strerror})")


def _check_head(path: Path, head: bytes) -> None:
    """Refuse what is no zip from its first byte on: also a program or a page with a zip behind it."""
    if head == _LFS:
        raise unusable(path, "it is a Git LFS pointer, not the file itself", _PULL)
    if not head.startswith(_MARK):
        raise unusable(path, "it is no zip")


def _check_entries(path: Path, entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Refuse a directory with anything in it that `write` would not have written, deflated entries aside."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename  # as it stands there; the other one is cut at a NUL
        key = _digest(name) or name
        problem = _problem(entry, size) or ("is there twice" if key in seen else "")
        if problem:
            raise unusable(path, f"'{printable(name, 100)}' in it {problem}")
        seen.add(key)
    if sum(_LOCAL.size + len(entry.filename) + entry.compress_size for entry in entries) > size:
        raise unusable(path, "its entries claim more bytes than it has")


def _problem(entry: zipfile.ZipInfo, size: int) -> str:
    """Say why a recording has no such entry, or nothing."""
    name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
    limit = MAX_INDEX if name == INDEX else MAX_FILE
    rules = {
        "is no name that a recording has": name != INDEX and not _digest(name),
        "is a link, a folder or another thing that is no file": kind not in {0, stat.S_IFREG}
        or entry.external_attr & _FOLDER,
        "is encrypted or packed in a way that is not read": entry.flag_bits & ~_HARMLESS
        or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED},
        f"is larger than {limit // 2**20} MB": max(entry.file_size, entry.compress_size) > limit,
        "is packed too tightly for what it should be": entry.file_size > _unpacked(entry.compress_size),
        "is not where it should be": not 0 <= entry.header_offset < size,
    }
    return next((problem for problem, broken in rules.items() if broken), "")


# --- writing ---


def write(path: Path, index: bytes, pictures: Mapping[str, Callable[[], bytes]]) -> int:
    """Write an archive whole or not at all: to a temporary file beside it, flushed, then renamed.

    Parameters
    ----------
    path
        Where to; a file that is there is replaced.
    index
        The JSON text.
    pictures
        What gives the bytes, by `name_of` the entry; called once each, in order of the names.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    HistoryError
        If it cannot be written.
    """
    if len(index) > MAX_INDEX:
        raise HistoryError(f"This is too much for one recording: its index is larger than {MAX_INDEX // 2**20} MB.")
    # Not `tempfile`: its files are their owner's alone, and a recording is there to be given away.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            with zipfile.ZipFile(file, "w") as zipped:
                zipped.writestr(_entry(INDEX), index)
                for name in sorted(pictures):
                    zipped.writestr(_entry(name), pictures[name]())
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise HistoryError(f"{printable(str(path))} cannot be written ({exc.strerror}).") from exc
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return size


def _entry(name: str) -> zipfile.ZipInfo:
    """Describe an entry that is the same on every system and on every day."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry

"""Recordings: what is published of a history, ``*.imgmagic.zip``, so that others see the same pictures for nothing.

Three layers: `imgmagic.manifest` is what a recording says, `imgmagic.archive` the zip that holds it, and this module
puts the two together and finds the files. A *small* recording holds previews; its pictures keep the digest of their
original, by which requests know them, and name the preview's bytes besides.

Opening reads the index and nothing else; a picture's bytes are read, and hashed, when they are asked for.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING

from imgmagic import archive, manifest
from imgmagic.archive import Archive, unusable
from imgmagic.checks import CheckError
from imgmagic.errors import HistoryError, printable
from imgmagic.formats import SUFFIX
from imgmagic.manifest import Manifest, RecordedGeneration, RecordedInput, RecordedPicture
from imgmagic.places import SUFFIX_OF_RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from imgmagic.exchange import Format

    Read = Callable[[str, Format], bytes]
    Shrink = Callable[[bytes], tuple[bytes, Format]]

__all__ = [
    "RecordedGeneration",
    "RecordedInput",
    "RecordedPicture",
    "Recording",
    "Written",
    "opened",
    "write",
]

_UPGRADE = "Upgrade with `pip install -U jupyter-imgmagic`."
#: Largest recording in bytes that is fetched by its address.
MAX_DOWNLOAD = 512 * 2**20

_KEPT = 16  # recordings that stay parsed


class Recording:
    """A recording that was opened: it is only read.

    Parameters
    ----------
    zipped
        The archive.
    said
        What its index says.
    """

    def __init__(self, zipped: Archive, said: Manifest) -> None:
        self._archive = zipped
        self.path = zipped.path
        self.stamp = zipped.stamp
        self.made = said.made
        self.notebook = said.notebook
        self.small = said.small
        self.generations = said.generations
        self._pictures = {picture.number: picture for each in said.generations for picture in each.pictures}

    @classmethod
    def open(cls, path: Path) -> Recording:
        """Read and check the index.

        Raises
        ------
        HistoryError
            If the file is no recording, damaged, or made by a newer imgmagic.
        """
        zipped = Archive.open(path)
        try:
            said = manifest.loads(zipped.index())
        except CheckError as exc:
            hint = {"hint": _UPGRADE} if isinstance(exc, manifest.NewerError) else {}
            raise unusable(path, printable(str(exc)), **hint) from exc
        for name, digest in _needed(said):
            held = zipped.name(digest)
            if held != name and not (held and said.small):
                raise unusable(path, f"{name} is missing in it")
        return cls(zipped, said)

    def read(self, item: RecordedPicture | RecordedInput) -> bytes:
        """Give the bytes of a picture or an input; in a small recording a preview.

        Raises
        ------
        HistoryError
            If they are damaged, or a small recording has left them out.
        """
        if item.file:
            return self._archive.picture(item.file)
        if isinstance(item, RecordedInput) and item.picture is not None:
            return self.read(self._pictures[item.picture])
        raise HistoryError(
            f"{printable(str(self.path))} left out this {getattr(item, 'role', 'picture')}: it is a small recording, "
            "or the image is forgotten.",
            hint="Whoever made a small one can record it whole: `%imgmagic record` without --small.",
        )

    def read_original(self, picture: RecordedPicture) -> bytes:
        """Give what the engine sent for a picture: the picture itself, unless a mask composited it."""
        return self._archive.picture(picture.original) if picture.original else self.read(picture)

    def holding(self, uid: str, digests: Collection[str]) -> set[str]:
        """Name the generations that are one, or have anything of these bytes."""
        return {each.uid for each in self.generations if each.uid == uid or _digests(each) & set(digests)}

    def drop(self, uid: str, digests: Collection[str]) -> None:
        """Write the file anew without a generation, and without some bytes; what was made of them stays.

        A file in which nothing stays is deleted.

        Parameters
        ----------
        uid
            The generation.
        digests
            Of the bytes: a generation with such a picture goes too, an input is left out.
        """
        gone = set(digests)
        goes = [each for each in self.generations if each.uid == uid or _pictured(each) & gone]
        numbers = {picture.number for each in goes for picture in each.pictures}
        left = tuple(_without(each, numbers, gone) for each in self.generations if each not in goes)
        if not left:
            self.path.unlink()
            return
        said = Manifest(max(each.created for each in left), self.notebook, self.small, left)
        held = {digest: self._archive.name(digest) for _, digest in _needed(said)}
        archive.write(
            self.path,
            manifest.dumps(said),
            {name: partial(self._archive.picture, digest) for digest, name in held.items()},
        )

    def __repr__(self) -> str:
        count = len(self._pictures)
        return f"<Recording {self.path.name}: {count} picture{'' if count == 1 else 's'}>"


def _pictured(each: RecordedGeneration) -> set[str | None]:
    return {digest for picture in each.pictures for digest in (picture.digest, picture.original)}


def _digests(each: RecordedGeneration) -> set[str | None]:
    return _pictured(each) | {given.digest for given in each.inputs if given.file}


def _without(each: RecordedGeneration, numbers: set[int], gone: set[str]) -> RecordedGeneration:
    """Leave out of a generation's inputs what is not to be there any more."""
    inputs = tuple(
        replace(given, picture=None, file=None, identity="")
        if given.picture in numbers or given.digest in gone
        else given
        for given in each.inputs
    )
    return replace(each, inputs=inputs)


def _needed(said: Manifest) -> Iterator[tuple[str, str]]:
    """Name every entry that the index relies on, with its digest; of a preview only the digest is known."""
    for generation in said.generations:
        for picture in generation.pictures:
            yield archive.name_of(picture.file, picture.format), picture.file
            if picture.original and picture.original_format:
                yield archive.name_of(picture.original, picture.original_format), picture.original
        for each in generation.inputs:
            if each.file:
                yield archive.name_of(each.file, each.format), each.file


# --- finding ---

_OPENED: dict[Path, Recording] = {}
_LOCK = threading.Lock()


def opened(path: Path) -> Recording:
    """Open a recording; one that is as it was when it was last opened is not parsed again.

    Raises
    ------
    HistoryError
        As `Recording.open`.
    """
    path = path.absolute()
    with _LOCK:
        known = _OPENED.pop(path, None)
        recording = known if known and known.stamp == _stamp(path) else Recording.open(path)
        _OPENED[path] = recording
        while len(_OPENED) > _KEPT:
            del _OPENED[next(iter(_OPENED))]  # the one that nobody has asked for longest
        return recording


def _stamp(path: Path) -> archive.Stamp | None:
    try:
        return archive.stamp(path.stat())
    except OSError:  # whoever opens it says what is wrong
        return None


def named(path: str | Path) -> Path:
    """Give the file that a recording is written to: ``.imgmagic.zip`` is added where it is missing.

    Raises
    ------
    HistoryError
        If it names a folder, or one that is not there.
    """
    target = Path(path).expanduser()
    if not target.name.endswith(SUFFIX_OF_RECORDINGS):
        stem = target.name.removesuffix(".zip").removesuffix(".imgmagic")
        target = target.with_name(f"{stem}{SUFFIX_OF_RECORDINGS}") if stem else target
    if not target.name or target.is_dir() or not target.parent.is_dir():
        raise HistoryError(
            f"{printable(str(path), 200)} cannot be written: it is a folder, or in a folder that does not exist."
        )
    return target


@contextmanager
def local(source: str | Path) -> Iterator[Path]:
    """Give a recording as a file on this machine; one that is named by an address is fetched first.

    Raises
    ------
    HistoryError
        If the file is not there, or is not fetched.
    """
    if not str(source).startswith(("https:", "http:")):
        yield Path(source).expanduser()
        return
    from imgmagic.download import download

    with TemporaryDirectory(prefix="imgmagic-") as folder:
        path = Path(folder) / f"download{SUFFIX_OF_RECORDINGS}"
        path.write_bytes(download(str(source), limit=MAX_DOWNLOAD, error=HistoryError, loopback=True))
        yield path


# --- writing ---


@dataclass(frozen=True, slots=True)
class Written:
    """What went into a recording.

    Parameters
    ----------
    generations, pictures
        How many.
    size
        Of the file, in bytes.
    """

    generations: int
    pictures: int
    size: int


def write(
    path: Path, generations: Sequence[RecordedGeneration], read: Read, *, notebook: str, small: bool, shrink: Shrink
) -> Written:
    """Write a recording, whole or not at all; the same content gives the same bytes.

    Parameters
    ----------
    path
        Where to; a file that is there is replaced.
    generations
        What to record, each after those that its inputs come from. The ``file`` of its pictures and inputs is filled
        in here.
    read
        Gives the bytes of a digest and a format; they are hashed again.
    notebook
        The session whose pictures these are.
    small
        True puts previews in place of pictures, and leaves out masks, references, what the engine sent before a mask
        was applied, and inputs that are pictures of this recording.
    shrink
        Gives a preview and its format; only called if ``small``.

    Raises
    ------
    HistoryError
        If there is nothing to record, something cannot be recorded, a picture is damaged, or the file cannot be
        written.
    """
    if not generations:
        raise HistoryError("There is nothing to record yet.", hint="Run the cells whose pictures it should hold.")
    with TemporaryFile() as pile:
        packing = _Packing(read, shrink if small else None, pile)
        packed = tuple(packing.generation(each) for each in generations)
        said = Manifest(max(each.created for each in packed), notebook, small, packed)
        try:
            index = manifest.dumps(said)
            manifest.loads(index)  # what would be refused by the reader is not written
        except CheckError as exc:
            raise HistoryError(f"This cannot be recorded: {printable(str(exc))}.") from exc
        size = archive.write(path, index, packing.files)
    return Written(len(packed), sum(len(each.pictures) for each in packed), size)


class _Packing:
    """What goes into an archive: the values with their files, and what gives the bytes of each file.

    Originals are read when they are written. Previews have to be made before, since the index names them and stands
    first; they wait in a temporary file, as those of a whole history would fill the memory.
    """

    def __init__(self, read: Read, shrink: Shrink | None, pile: IO[bytes]) -> None:
        self.files: dict[str, Callable[[], bytes]] = {}
        self._read = read
        self._shrink = shrink
        self._pile = pile
        self._previews: dict[str, str] = {}

    def generation(self, said: RecordedGeneration) -> RecordedGeneration:
        """Pack its pictures and inputs."""
        pictures = tuple(self._picture(each) for each in said.pictures)
        return replace(said, pictures=pictures, inputs=tuple(self._input(each) for each in said.inputs))

    def _picture(self, said: RecordedPicture) -> RecordedPicture:
        file = self._packed(said.digest, said.format)
        if self._shrink:
            return replace(said, file=file, original=None, original_format=None)
        if said.original and said.original_format:
            self._packed(said.original, said.original_format)
        return replace(said, file=file)

    def _input(self, said: RecordedInput) -> RecordedInput:
        left_out = said.file == "" or (self._shrink and (said.role != "source" or said.picture is not None))
        return replace(said, file=None if left_out else self._packed(said.digest, said.format))

    def _packed(self, digest: str, kind: Format) -> str:
        """Take in a picture and give the digest of what stands for it in the archive."""
        if self._shrink is None:
            self.files[archive.name_of(digest, kind)] = partial(self._checked, digest, kind)
            return digest
        if digest not in self._previews:
            self._previews[digest] = self._piled(*self._shrink(self._checked(digest, kind)))
        return self._previews[digest]

    def _checked(self, digest: str, kind: Format) -> bytes:
        data = self._read(digest, kind)
        problem = archive.problem_of(data, digest, SUFFIX[kind])
        if problem:
            raise HistoryError(f"A picture cannot be recorded: {digest} {problem}.", hint=_CHECK)
        return data

    def _piled(self, data: bytes, kind: Format) -> str:
        digest = sha256(data).hexdigest()
        start = self._pile.seek(0, os.SEEK_END)
        self._pile.write(data)
        self.files[archive.name_of(digest, kind)] = partial(self._unpiled, start, len(data))
        return digest

    def _unpiled(self, start: int, length: int) -> bytes:
        self._pile.seek(start)
        return self._pile.read(length)


_CHECK = "`%imgmagic check` lists everything that is damaged."

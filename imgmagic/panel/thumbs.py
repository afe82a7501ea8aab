"""Thumbnails: made when they are first seen, and kept in memory as long as there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from imgmagic import images

if TYPE_CHECKING:
    from imgmagic.images import Preview
    from imgmagic.picture import Picture

#: Twice what is drawn, for screens with small pixels.
SIDE_PX = 176
BUDGET = 9_000

_KEPT = 1_000
_made: OrderedDict[str, Preview] = OrderedDict()
_lock = threading.Lock()


def thumbnail(picture: Picture) -> Preview:
    """Give a picture's thumbnail.

    Raises
    ------
    HistoryError, ImageError
        If its file is missing or damaged.
    """
    with _lock:
        if picture.digest in _made:
            _made.move_to_end(picture.digest)
            return _made[picture.digest]
    small = images.preview(picture.image, SIDE_PX, BUDGET)
    with _lock:
        _made[picture.digest] = small
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return small

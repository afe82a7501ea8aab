"""The reader of server-sent events gives the same events however the bytes are cut, and survives any bytes."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgmagic.engines import sse, stream, wire
from imgmagic.engines.sse import Event, EventReader

STREAM = (
    "\ufeff: a comment\r\n"
    'event: image_generation.partial_image\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'
    ": PING\n\n\n"
    "data:no blank\nid: 7\nretry: 10\nunknown\n\n"
    "event: empty\n\n"
    "event: lost type\rdata: with CR\r\r"
    "data: [DONE]\n\n"
    "data: öäü 空 🏖\n"
).encode()

EVENTS = [
    Event("image_generation.partial_image", '{"a":\n1}'),
    Event("", "no blank"),
    Event("lost type", "with CR"),
    Event("", "[DONE]"),
    Event("", "öäü 空 🏖"),
]


def read(chunks):
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()


def test_a_whole_stream_is_cut_into_its_events():
    assert read([STREAM]) == EVENTS


def test_byte_by_byte_gives_the_same_events():
    assert read(bytes([byte]) for byte in STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same_events(places):
    edges = [0, *sorted(places), len(STREAM)]
    assert read(STREAM[start:end] for start, end in pairwise(edges)) == EVENTS


@given(st.lists(st.binary(max_size=64), max_size=12))
def test_any_bytes_are_read_without_an_error(chunks):
    assert read(chunks) == read([b"".join(chunks)])


@given(st.lists(st.sampled_from([b"data: x", b"\r", b"\n", b"\r\n", b":", b"event: y", b" "]), max_size=20))
def test_any_mixture_of_line_ends_is_read_the_same_in_pieces(parts):
    assert read(parts) == read([b"".join(parts)])


def test_nothing_between_the_halves_of_a_line_end_changes_nothing():
    assert read([b"data: a\r", b"", b"\n", b"", b"\r\n"]) == [Event("", "a")]


def test_an_event_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    reader = EventReader()
    reader.feed(b"data: " + b"x" * 900)
    with pytest.raises(sse.OversizedEventError):
        reader.feed(b"x" * 200)


@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([STREAM, b"data: {}\n\n", b"data: []\n\n"]))))
def test_any_bytes_as_a_stream_of_pictures_are_an_error_of_ours_at_worst(chunks):
    reader = stream.PictureStream(lambda _partial: None)
    with suppress(stream.StreamedError, wire.NotAnAnswerError):
        for chunk in chunks:
            reader.feed(chunk)
        reader.close()

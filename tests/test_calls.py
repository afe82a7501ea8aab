"""A call and its watch by themselves: who gets the outcome, and what an interrupt or a stop does to it."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from imgmagic.calls import TICK_S, Call, Progress, StoppedError, Watch

WAIT_S = 10


class Work:
    """Work that begins, then waits for a word, and gives a result or raises."""

    def __init__(self, outcome: object = "picture") -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.stored: list[bool] = []
        self.outcome = outcome

    def __call__(self, watch: Watch) -> object:
        self.watch = watch
        self.begun.set()
        assert self.go.wait(WAIT_S)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        with watch.storing() as awaited:
            self.stored.append(awaited)
        return self.outcome


@pytest.fixture
def late() -> queue.SimpleQueue:
    return queue.SimpleQueue()


def interrupt(_told: Progress) -> None:
    raise KeyboardInterrupt


def ended(call: Call) -> None:
    call._thread.join(WAIT_S)
    assert call.done


def left(work: Work, late: queue.SimpleQueue) -> Call:
    """Begin a call and interrupt the wait for it."""
    call = Call(work, late.put)
    with pytest.raises(KeyboardInterrupt):
        call.start().wait(interrupt)
    assert not call.done
    return call


def test_the_one_who_waits_gets_the_result(late) -> None:
    work = Work()
    work.go.set()
    call = Call(work, late.put)
    assert call.start().wait(lambda _told: None) == "picture"
    ended(call)
    assert work.stored == [True]
    assert late.empty()


def test_the_one_who_waits_gets_the_error(late) -> None:
    work = Work(ValueError("no"))
    work.go.set()
    with pytest.raises(ValueError, match="no"):
        Call(work, late.put).start().wait(lambda _told: None)
    assert late.empty()


@pytest.mark.parametrize("outcome", ["picture", ValueError("no")])
def test_what_nobody_waits_for_any_more_is_late(late, outcome) -> None:
    work = Work(outcome)
    call = left(work, late)
    assert late.empty()
    work.go.set()
    assert late.get(timeout=WAIT_S) is outcome
    ended(call)
    assert work.stored == ([False] if outcome == "picture" else [])
    assert late.empty()


def test_an_outcome_that_is_there_when_the_wait_is_interrupted_is_told_by_the_one_who_waited(late) -> None:
    work = Work()
    call = Call(work, late.put).start()

    def slow(_told: Progress) -> None:
        work.go.set()
        ended(call)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call.wait(slow)
    assert late.get(timeout=WAIT_S) == "picture"
    assert work.stored == [True]
    assert late.empty()


def test_an_interrupt_while_the_answer_is_stored_waits_for_that_and_tells_once(late) -> None:
    storing, go_on = threading.Event(), threading.Event()

    def work(watch: Watch) -> str:
        with watch.storing():
            storing.set()
            assert go_on.wait(WAIT_S)
        return "picture"

    def interrupted(_told: Progress) -> None:
        assert storing.wait(WAIT_S)
        threading.Timer(0.05, go_on.set).start()
        raise KeyboardInterrupt

    call = Call(work, late.put)
    with pytest.raises(KeyboardInterrupt):
        call.start().wait(interrupted)
    assert late.get(timeout=WAIT_S) == "picture"
    ended(call)
    assert late.empty()


def test_a_second_interrupt_while_the_first_waits_for_the_lock_still_leaves_the_call(late) -> None:
    """The lock is held by the one who stores; whoever is thrown out of the queue for it must have said so before."""
    watch = Watch()
    holding, go_on = threading.Event(), threading.Event()

    def store() -> None:
        with watch.storing():
            holding.set()
            go_on.wait(WAIT_S)

    storing, leaving = threading.Thread(target=store), threading.Thread(target=watch.detach, daemon=True)
    storing.start()
    assert holding.wait(WAIT_S)
    leaving.start()
    with pytest.raises(StoppedError):
        watch.nap(WAIT_S, "busy")
    assert watch.detached
    assert leaving.is_alive()
    go_on.set()
    storing.join()
    leaving.join()


def test_many_interrupts_around_the_end_give_each_outcome_to_exactly_one(late) -> None:
    for index in range(300):
        work = Work(index)
        call = Call(work, late.put).start()
        assert work.begun.wait(WAIT_S)
        work.go.set()
        for _ in range(index % 50):
            time.sleep(0)
        handed_over = not call.watch.detach()
        ended(call)
        assert late.empty() == handed_over, f"round {index}"
        if not handed_over:
            assert late.get() == index
        assert len(work.stored) == 1


def test_a_call_interrupted_before_it_began_is_not_under_way(late) -> None:
    assert Call(Work(), late.put).done


def test_news_come_twice_a_second_and_partials_at_once(late) -> None:
    work, told = Work(), []
    began = time.monotonic()

    def tell(progress: Progress) -> None:
        told.append((time.monotonic() - began, progress))
        if len(told) == 2:
            work.watch.partial(b"draft")
        if len(told) == 3:
            work.go.set()

    Call(work, late.put).start().wait(tell)
    moments = [moment for moment, _ in told]
    assert [each.partial for _, each in told[:3]] == [None, None, b"draft"]
    assert moments[0] >= TICK_S * 0.9
    assert moments[1] - moments[0] >= TICK_S * 0.9
    assert moments[2] - moments[1] < TICK_S


def test_a_nap_says_why_and_for_how_long() -> None:
    watch = Watch()
    napping = threading.Thread(target=watch.nap, args=(0.4, "rate limited"))
    napping.start()
    while not (said := watch.progress().waiting_for):
        assert napping.is_alive()
    napping.join(WAIT_S)
    assert said == "rate limited: retrying in 0 s"
    assert watch.progress().waiting_for == ""


@pytest.mark.parametrize("leave", [Watch.detach, Watch.stop])
def test_a_nap_ends_when_the_call_is_given_up(leave) -> None:
    watch = Watch()
    threading.Timer(0.05, leave, [watch]).start()
    began = time.monotonic()
    with pytest.raises(StoppedError, match="Nothing more was sent") as given_up:
        watch.nap(WAIT_S, "rate limited")
    assert time.monotonic() - began < WAIT_S / 2
    assert not given_up.value.maybe_billed


def test_a_stop_cuts_every_line_and_those_still_to_come() -> None:
    watch, cut = Watch(), []
    watch.closing(lambda: cut.append("first"))
    assert cut == []
    watch.stop()
    watch.closing(lambda: cut.append("second"))
    assert cut == ["first", "second"]


def test_a_detached_call_keeps_its_line() -> None:
    watch, cut = Watch(), []
    watch.closing(lambda: cut.append("line"))
    watch.detach()
    watch.closing(lambda: cut.append("line"))
    assert cut == []


def test_who_still_waits_for_a_call_that_somebody_stops_gets_its_error_and_nothing_is_late(late) -> None:
    work = Work(StoppedError("stopped"))

    def stop(_told: Progress) -> None:
        work.watch.stop()
        work.go.set()

    with pytest.raises(StoppedError):
        Call(work, late.put).start().wait(stop)
    assert late.empty()

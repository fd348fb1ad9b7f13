"""Recording and merging: nothing lost, nothing counted twice, whoever recorded it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.records.recorder import BINS_PER_S, Recorder, bin_of
from floodmark.records.timeline import Timeline
from floodmark.stats.window import ErrorKind, Window

ORIGIN = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = ORIGIN

    def __call__(self) -> float:
        return self.now


requests = st.tuples(
    st.floats(min_value=0, max_value=9.99),
    st.floats(min_value=0.01, max_value=5000),
    st.none() | st.sampled_from(ErrorKind),
    st.sampled_from(["/a", "/b"]),
)


def window_of(timeline: Timeline, seconds: int = 10) -> Window:
    first = bin_of(ORIGIN)
    return timeline.window(first, first + seconds * BINS_PER_S, ORIGIN)


@given(st.lists(requests, max_size=60), st.integers(1, 3))
def test_any_split_over_processes_gives_the_same_window(
    seen: list[tuple[float, float, ErrorKind | None, str]], processes: int
) -> None:
    end = bin_of(ORIGIN) + 10 * BINS_PER_S

    def merged(split: int) -> Window:
        timeline = Timeline()
        for process in range(split):
            recorder = Recorder(Clock())
            for offset, ms, failure, name in seen[process::split]:
                recorder.request(name, ORIGIN + offset, ms, failure)
            # As over the wire: msgpack and JSON keep no tuples, and JSON no integer keys.
            timeline.add(f"p{process}", end, json.loads(json.dumps(recorder.take(end))))
        return window_of(timeline)

    one, many = merged(1), merged(processes)
    assert many.good_per_bin == one.good_per_bin
    assert many.errors == one.errors
    assert many.histogram.counts == one.histogram.counts
    assert many.error_histogram.counts == one.error_histogram.counts
    assert many.good_ms == pytest.approx(one.good_ms)
    assert one.good == sum(failure is None for _, _, failure, _ in seen)
    assert one.failed == sum(failure is not None for _, _, failure, _ in seen)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), max_size=20))
def test_in_flight_is_integrated_exactly(spans: list[tuple[float, float]]) -> None:
    clock = Clock()
    recorder = Recorder(clock)
    # Moments as exact binary fractions, so that only the recorder's own arithmetic is tested.
    spans = [(round(start * 1024) / 1024, round(length * 1024) / 1024) for start, length in spans]
    events = sorted([(start, 0, 0.0) for start, _ in spans] + [(start + length, 1, start) for start, length in spans])
    for when, leaves, entered in events:
        clock.now = ORIGIN + when
        if leaves:
            recorder.leave(ORIGIN + entered)
        else:
            recorder.enter()
    clock.now = ORIGIN + 5
    timeline = Timeline()
    end = bin_of(clock.now)
    timeline.add("p", end, recorder.take(end))
    assert window_of(timeline).in_flight_s == pytest.approx(sum(length for _, length in spans), abs=1e-5)


def test_responses_and_gauge_agree_in_any_window_steady_or_not() -> None:
    # Requests of 1 s that begin in a burst: a window sees some begin before it and some end after it.
    clock = Clock()
    recorder, timeline = Recorder(clock), Timeline()
    for number in range(20):
        clock.now = ORIGIN + number / 64
        recorder.enter()
    for number in range(20):
        clock.now = ORIGIN + 1 + number / 64
        recorder.leave(ORIGIN + number / 64)
        recorder.request("/a", clock.now, 1000.0, None)
    clock.now = ORIGIN + 3
    timeline.add("p", bin_of(clock.now), recorder.take(bin_of(clock.now)))
    first = bin_of(ORIGIN)
    for start, end in ((0, 20), (1, 12), (2, 9), (5, 11), (11, 13)):
        window = timeline.window(first + start, first + end, ORIGIN)
        assert window.response_s == pytest.approx(window.in_flight_s, abs=1e-5)


@pytest.mark.parametrize("renews", [False, True], ids=["leaves", "renews"])
@given(st.lists(st.integers(0, 8), min_size=20, max_size=20), st.integers(0, 6), st.booleans())
def test_a_burst_of_answers_on_an_edge_that_is_seen_late_counts_once(
    renews: bool, late_ms: list[int], after_ms: int, pulled: bool
) -> None:
    # Eight users whose answers all come 3 ms before an edge, or up to 3 ms after it, and are seen up to 8 ms later.
    clock = Clock()
    recorder, timeline = Recorder(clock), Timeline()
    sent = [recorder.enter() for _ in range(8)]
    lateness_s, crossed = 0.0, bin_of(ORIGIN)
    if renews:  # as the lane does
        recorder.renewals.append(lambda edge: sum(min(at, edge) - ORIGIN for at in sent))
    for number, late in enumerate(late_ms):
        received = ORIGIN + (number + 1) / BINS_PER_S + (after_ms - 3) / 1000
        clock.now = seen = received + late / 1000
        if renews and (pulled or bin_of(seen) != crossed):
            crossed = bin_of(seen)
            recorder.advance()  # at least as a bin begins
        for user in range(8):
            recorder.request("/a", received, 1000 * (received - sent[user]), None)
            lateness_s += seen - received
            if renews:
                recorder.replaced(sent[user], received, seen)
                sent[user] = seen
            else:
                recorder.leave(sent[user], received)
                sent[user] = recorder.enter()
    clock.now = ORIGIN + 2.05
    timeline.add("p", bin_of(clock.now), recorder.take(bin_of(clock.now)))
    first = bin_of(ORIGIN)
    for start, end in ((0, 20), (1, 12), (2, 9), (5, 6)):
        window = timeline.window(first + start, first + end, ORIGIN)
        in_flight_s = 8 * (end - start) / BINS_PER_S
        assert window.in_flight_s == pytest.approx(in_flight_s, abs=1e-5)
        assert in_flight_s - lateness_s - 1e-5 <= window.response_s <= in_flight_s + 1e-5


def test_a_straggler_s_bin_is_merged_after_the_fact() -> None:
    recorder, timeline = Recorder(Clock()), Timeline()
    first = bin_of(ORIGIN)
    recorder.request("/a", ORIGIN + 0.05, 1.0, None)
    timeline.add("p", first + 1, recorder.take(first + 1))
    recorder.request("/a", ORIGIN + 0.06, 2.0, None)
    timeline.add("p", first + 2, recorder.take(first + 2))
    assert timeline.window(first, first + 1, ORIGIN).good == 2


def test_a_window_is_complete_when_every_process_has_reported_past_it() -> None:
    timeline = Timeline()
    assert timeline.complete_until == 0
    timeline.add("a", 100, [])
    timeline.add("b", 90, [])
    assert timeline.complete_until == 90
    timeline.add("b", 110, [])
    assert timeline.complete_until == 100
    assert timeline.processes == {"a", "b"}


def test_each_generator_process_keeps_its_own_cpu() -> None:
    timeline = Timeline()
    for process, cpu in (("a", 0.9), ("b", 0.1)):
        recorder = Recorder(Clock())
        recorder.burned(cpu, 0.0, ORIGIN, ORIGIN + 1)
        timeline.add(process, bin_of(ORIGIN + 2), recorder.take(bin_of(ORIGIN + 2)))
    cpu_cores = timeline.window(bin_of(ORIGIN), bin_of(ORIGIN) + BINS_PER_S, ORIGIN).cpu_cores
    assert cpu_cores == {"a": pytest.approx(0.9), "b": pytest.approx(0.1)}


def test_what_was_taken_is_gone() -> None:
    recorder = Recorder(Clock())
    recorder.request("/a", ORIGIN, 1.0, None)
    end = bin_of(ORIGIN) + 1
    assert len(recorder.take(end)) == 1
    assert recorder.take(end) == []

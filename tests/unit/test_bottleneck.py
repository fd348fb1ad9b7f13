"""Naming a limit, on made-up visits: each word, what comes before what, and what is never named."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks.bottlenecks.fixtures import FIXTURES
from floodmark.results.metrics import bottleneck_rows
from floodmark.verdict.advice import Change, change_for, judge_advice
from floodmark.verdict.bottleneck import decide, name_bottleneck
from floodmark.verdict.enums import Advice, Bottleneck, Generator, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.figures import Declared, Figures, figures
from floodmark.verdict.rules import RULES, AtLeast, Below
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

SLOTS = Declared(slots=8, processes=2, connection_cap=2000)


def eight_slots(phase: Phase, users: int, **more: Any) -> Visit:
    """Eight slots of 50 ms, as they look when nothing is wrong."""
    inside = float(min(users, 8))
    fields: dict[str, Any] = {
        "inflight_mean": float(users),
        "gen_cpu_max": 0.1,
        "app_ms_mean": 50.0,
        "app_inflight_mean": inside,
        "waiting_in_server": users - inside,
        "waiting_in_kernel": 0.0,
        "app_processes": 2,
        "app_proc_inflight_max": inside / 2,
        "app_proc_inflight_min": inside / 2,
        "connections": float(users),
        "listen_overflows": 0,
        "listen_limit": 2048,
        "cpu_cores": 0.1,
        "cpu_proc_max": 0.05,
        "cpu_limit_cores": 1.0,
        "runq_cores": 0.1,
        "neighbour_cores": 0.0,
        "steal": 0.0,
        "oom_kills": 0,
        "major_faults_per_s": 0.0,
        "pss_bytes": 50_000_000,
        **more,
    }
    return visit(phase, users, 20.0 * inside, **fields)


def run(users: int = 16, **more: Any) -> list[Visit]:
    """A base visit, and three held ones that differ from the plain case by ``more``."""
    return [eight_slots(Phase.BASE, 1), *(eight_slots(Phase.HOLD, users, **more) for _ in range(3))]


BURN = {"app_ms_mean": 80.0, "cpu_cores": 0.99, "cpu_proc_max": 0.98, "runq_cores": 6.0}
FREE = {"app_inflight_mean": 4.0, "app_proc_inflight_max": 2.0, "app_proc_inflight_min": 2.0}


@pytest.mark.parametrize(
    ("word", "users", "more"),
    [
        (Bottleneck.SLOTS, 16, {}),
        (Bottleneck.SLOTS, 16, {"waiting_in_server": 0.0, "waiting_in_kernel": 8.0}),
        (Bottleneck.CPU, 16, BURN),
        (Bottleneck.CPU, 16, {"cpu_cores": 0.85, "app_ms_mean": 75.0}),
        (Bottleneck.GIL, 16, {**BURN, "cpu_limit_cores": 2.0}),
        # Others had all of the other core: the process had the one it can use.
        (Bottleneck.GIL, 16, {**BURN, "cpu_limit_cores": 2.0, "neighbour_cores": 1.0}),
        (Bottleneck.LOCK, 16, {"app_ms_mean": 80.0}),
        (Bottleneck.LOCK, 7, {"app_ms_mean": 70.0}),
        (Bottleneck.QUOTA, 16, {**BURN, "cpu_cores": 0.4, "cpu_limit_cores": 0.4, "throttled_share": 0.95}),
        (Bottleneck.HOST, 16, {**BURN, "cpu_cores": 0.5, "cpu_proc_max": 0.5, "neighbour_cores": 0.5}),
        # A neighbour that takes nearly all, and slots that sleep and get their tenth all the same.
        (Bottleneck.SLOTS, 16, {"neighbour_cores": 0.9, "runq_cores": 0.3}),
        (Bottleneck.HOST, 16, {**BURN, "cpu_cores": 0.8, "cpu_proc_max": 0.8, "steal": 0.2}),
        (Bottleneck.MEMORY, 16, {"oom_kills": 1}),
        (Bottleneck.MEMORY, 16, {"memory_bytes": 99, "memory_limit_bytes": 100}),
        (Bottleneck.BACKLOG, 40, {"listen_overflows": 40, "listen_limit": 1}),
        (Bottleneck.CONNECTIONS, 16, {**FREE, "connections": 2000.0}),
        (Bottleneck.CONNECTIONS, 8, {**FREE, "waiting_in_server": 0.0, "waiting_in_kernel": 4.0}),
        (
            Bottleneck.IMBALANCE,
            8,
            {
                "app_inflight_mean": 5.0,
                "app_proc_inflight_max": 3.9,
                "app_proc_inflight_min": 1.1,
                "waiting_in_server": 3.0,
            },
        ),
        (Bottleneck.GENERATOR, 16, {"gen_verdict": Generator.LIMITED}),
        (Bottleneck.NOT_SATURATED, 6, {}),
    ],
)
def test_each_word_is_named(word: Bottleneck, users: int, more: dict[str, object]) -> None:
    named = name_bottleneck(run(users, **more), users, SLOTS)
    assert named.word is word
    assert "?" not in named.evidence + named.advice
    assert named.margin is not None
    assert named.margin >= 0
    assert named.advice


def test_a_cpu_and_slots_to_spare_while_requests_wait_all_the_same_are_no_word() -> None:
    named = name_bottleneck(run(16, **FREE), 16, SLOTS)
    assert named.word is Bottleneck.UNKNOWN
    assert "slots_share 0.5" in named.evidence
    assert named.margin is None


def test_the_advice_has_its_figures() -> None:
    named = name_bottleneck(run(), 16, SLOTS)
    assert named.evidence == "8.0 of 8 slots busy, CPU 10%, 8.0 requests waiting"
    assert named.advice == "more threads or workers would raise the ceiling; expected about 20/s each"
    assert named.margin == pytest.approx(1 / 0.9 - 1)


def test_what_stands_further_up_comes_first() -> None:
    everything: dict[str, object] = {
        **BURN,
        "throttled_share": 0.9,
        "oom_kills": 1,
        "neighbour_cores": 0.3,
        "listen_overflows": 40,
    }
    order = []
    for drop in ({}, {"oom_kills": 0}, {"throttled_share": 0.0}, {"listen_overflows": 0}):
        everything = {**everything, **drop}
        order.append(name_bottleneck(run(16, **everything), 16, SLOTS).word)
    assert order == [Bottleneck.MEMORY, Bottleneck.QUOTA, Bottleneck.BACKLOG, Bottleneck.CPU]


def test_the_generators_own_verdict_comes_before_all() -> None:
    limited = Estimate(value=Generator.LIMITED, valid=False, reason="generator CPU 99% of a core")
    named = name_bottleneck(run(oom_kills=1), 16, SLOTS, generator=limited)
    assert named.word is Bottleneck.GENERATOR
    assert named.evidence == "generator CPU 99% of a core"


def test_a_run_that_ended_for_want_of_memory_is_named_by_it() -> None:
    ended = dataclasses.replace(SLOTS, out_of_memory=True)
    named = name_bottleneck([eight_slots(Phase.BASE, 1), eight_slots(Phase.BRACKET, 8)], None, ended)
    assert (named.word, named.evidence) == (Bottleneck.MEMORY, "processes killed for want of memory: 1")


def test_a_worker_that_never_had_a_request_is_the_emptiest() -> None:
    more = {"app_inflight_mean": 4.0, "app_proc_inflight_max": 4.0, "app_proc_inflight_min": 4.0, "app_processes": 1}
    assert name_bottleneck(run(8, **more, waiting_in_server=4.0), 8, SLOTS).word is Bottleneck.IMBALANCE


def test_cpu_that_the_generator_needs_is_not_there_for_the_target() -> None:
    visits = run(cpu_cores=1.6, cpu_limit_cores=2.0, gen_cpu_max=0.35, app_ms_mean=80.0)
    assert name_bottleneck(visits, 16, dataclasses.replace(SLOTS, shared=True)).word is Bottleneck.CPU
    assert figures(visits, 16, SLOTS, thinking=False).cpu_share == pytest.approx(0.8)
    measured = run(cpu_cores=1.6, cpu_limit_cores=2.0, gen_cpu_max=0.15, own_cores=0.4)
    shared = dataclasses.replace(SLOTS, shared=True)
    assert figures(measured, 16, shared, thinking=False).cpu_share == pytest.approx(1.0)


def test_without_a_held_level_the_highest_one_is_judged() -> None:
    visits = [
        eight_slots(Phase.BASE, 1),
        eight_slots(Phase.BRACKET, 2),
        eight_slots(Phase.BRACKET, 16),
        eight_slots(Phase.WARM, 64),
    ]
    found = figures(visits, None, SLOTS, thinking=False)
    assert found.users == 16
    assert found.visits == 1


def test_visits_of_an_older_version_are_not_guessed_at() -> None:
    names = ("waiting_in_server", "waiting_in_kernel", "cpu_limit_cores", "connections", "neighbour_cores")
    old = [dataclasses.replace(visit, **dict.fromkeys(names)) for visit in run()]  # type: ignore[arg-type]
    named = name_bottleneck(old, 16, SLOTS)
    assert named.word is Bottleneck.UNKNOWN
    assert named.evidence.startswith("not measured: cpu_share, waiting")
    word, margin = bottleneck_rows("run", named)
    assert (word.value, word.valid, margin.value, margin.valid) == ("unknown", False, None, False)


def test_what_no_rule_fits_is_said_with_the_rule_that_nearly_did() -> None:
    """Found on a real run: one busy process that had 0.86 of the one core there was."""
    named = name_bottleneck(run(1, cpu_cores=0.86, cpu_limit_cores=1.0, waiting_in_server=0.3), 1, SLOTS)
    why, nearest, numbers = named.evidence.split("; ")
    assert (named.word, why) == (Bottleneck.UNKNOWN, "no rule fits")
    assert nearest == "nearest is cpu: cpu_share is 0.86, and would have to be at least 0.9"
    assert "cpu_share 0.86" in numbers


def test_a_level_held_at_the_knee_is_named_by_what_was_seen_beyond_it() -> None:
    """Found on K7: 5 users held on a lock that lets 4.7 through, nobody waits yet, and 19 users gave no more."""
    free = {"cpu_cores": 0.12, "goodput_rps": 92.0}
    visits = [
        eight_slots(Phase.BASE, 1, **free),
        *(
            eight_slots(Phase.HOLD, 5, **free, app_ms_mean=53.0, app_inflight_mean=4.9, waiting_in_server=0.0)
            for _ in range(3)
        ),
    ]
    slots = dataclasses.replace(SLOTS, processes=1)
    assert name_bottleneck(visits, 5, slots).word is Bottleneck.NOT_SATURATED
    full: dict[str, Any] = {**free, "app_ms_mean": 88.0, "app_inflight_mean": 7.9, "waiting_in_server": 11.0}
    for phase in (Phase.VERIFY, Phase.HOLD):
        beyond = eight_slots(phase, 19, **full)
        named = name_bottleneck([*visits, beyond], 5, slots)
        assert named.word is Bottleneck.LOCK
        assert named.figures.users == 19
    overloaded = eight_slots(
        Phase.OVERLOAD, 19, **free, app_ms_mean=88.0, app_inflight_mean=7.9, waiting_in_server=11.0
    )
    assert name_bottleneck([*visits, overloaded], 5, slots).word is Bottleneck.NOT_SATURATED


def test_no_visit_is_unknown() -> None:
    assert name_bottleneck([], None, SLOTS).evidence == "no visit to judge"


def test_every_word_has_a_rule_and_a_fixture_and_rules_ask_for_figures_that_exist() -> None:
    assert {rule.word for rule in RULES} == set(Bottleneck) - {Bottleneck.UNKNOWN}
    assert {fixture.word for fixture in FIXTURES} == {rule.word for rule in RULES}
    known = {field.name for field in dataclasses.fields(Figures)}
    assert {condition.figure for rule in RULES for condition in rule.conditions} <= known


def test_margins_are_relative_to_the_limit() -> None:
    found = Figures(slots_share=0.99, cpu_share=0.45)
    assert AtLeast("slots_share", 0.9).margin(found) == pytest.approx(0.1)
    assert Below("cpu_share", 0.9).margin(found) == pytest.approx(0.5)
    assert AtLeast("app_growth", 1.2).margin(found) is None
    assert decide(Figures()).word is Bottleneck.UNKNOWN


GTHREAD: dict[str, int | str] = {"workers": 2, "threads": 4, "backlog": 16, "connections": 1000}


@pytest.mark.parametrize(
    ("word", "settings", "changed", "rises"),
    [
        (Bottleneck.SLOTS, GTHREAD, {"threads": 8}, True),
        (Bottleneck.SLOTS, {"workers": 8, "threads": 1}, {"workers": 16}, True),
        (Bottleneck.SLOTS, {"threads": 1}, {"threads": 2}, True),
        (Bottleneck.LOCK, GTHREAD, {"threads": 8}, False),
        (Bottleneck.GIL, GTHREAD, {"workers": 4}, True),
        (Bottleneck.BACKLOG, GTHREAD, {"backlog": 1024}, True),
        (Bottleneck.CONNECTIONS, GTHREAD, {"connections": 2000}, True),
        (Bottleneck.IMBALANCE, GTHREAD, {"workers": 1, "threads": 8}, True),
    ],
)
def test_what_is_changed_to_try_an_advice(
    word: Bottleneck, settings: dict[str, int | str], changed: dict[str, int], rises: bool
) -> None:
    change = change_for(word, settings)
    assert isinstance(change, Change)
    assert (change.settings, change.rises) == (changed, rises)


@pytest.mark.parametrize("word", list(Bottleneck))
def test_a_server_without_settings_has_nothing_to_try(word: Bottleneck) -> None:
    assert isinstance(change_for(word, {"server_name": "x"}), str)


def test_an_advice_is_confirmed_by_a_rise_or_by_none() -> None:
    more, same = Change(settings={}, rises=True), Change(settings={}, rises=False)
    assert judge_advice(more, 100, 190) is Advice.CONFIRMED
    assert judge_advice(more, 100, 103) is Advice.NOT_CONFIRMED
    assert judge_advice(same, 100, 103) is Advice.CONFIRMED
    assert judge_advice(same, 100, 190) is Advice.NOT_CONFIRMED
    assert judge_advice(same, 100, 60) is Advice.NOT_CONFIRMED

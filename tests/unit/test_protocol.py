"""What conductor and load side say to each other comes over as it was said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.errors import UsageError
from floodmark.protocol.journal import Journal, JournalReader, Ordered, Started, Visited
from floodmark.protocol.load_settings import VARIABLE, Client, LoadSettings, read_settings, write_settings
from floodmark.protocol.wire import decode, encode
from floodmark.results.schema import Second
from floodmark.search.order import Order
from floodmark.search.settings import QUICK, LevelSettings, RateSettings, SearchSettings, SloSettings, Span
from floodmark.verdict.enums import End, Phase, Spacing
from floodmark.verdict.outcome import Outcome
from tests.support.visits import visit, window

SEARCHES = st.builds(
    SearchSettings,
    slots_hint=st.none() | st.integers(1, 99),
    think_time_s=st.floats(0, 10),
    effort=st.just(QUICK),
    slo=st.none() | st.just(SloSettings(latency_ms=250.0)),
)
SETTINGS = st.builds(
    LoadSettings,
    journal=st.none() | st.just(Path("a b/ü.jsonl")),
    client=st.sampled_from(Client),
    path=st.text(max_size=9),
    search=SEARCHES,
    rate=st.none() | st.just(RateSettings(rate_rps=1.5)),
    level=st.none() | st.just(LevelSettings(users=3, seconds=2.0)),
    spacing=st.sampled_from(Spacing),
    choices=st.dictionaries(st.text(max_size=5), SEARCHES, max_size=2),
)


@given(SETTINGS)
def test_settings_are_read_as_they_were_written(settings: LoadSettings) -> None:
    assert decode(write_settings(settings), LoadSettings) == settings


def test_without_a_conductor_the_environment_says_what_our_own_locustfiles_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("FLOODMARK_PATH", "/x")
    monkeypatch.setenv("FLOODMARK_CLIENT", "lean")
    assert (read_settings().path, read_settings().client) == ("/x", Client.LEAN)
    monkeypatch.setenv("FLOODMARK_CLIENT", "leen")
    with pytest.raises(UsageError, match="must be one of step, lean, fast, http"):
        read_settings()


def test_a_journal_is_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal, reader = Journal(path), JournalReader(path)
    order = Order(phase=Phase.HOLD, users=8, think=True, settle_s=1.0, span=Span(1.0, 2.0, 0.0, 0.0), most_s=2.0)
    held = visit(rate=float(np.float64(3.5)))
    journal.start(5.5)
    journal.order(order, 1)
    assert list(reader.new()) == [Started(5.5), Ordered(1, order)]
    assert list(reader.new()) == []
    journal.second(Second(t_s=1, time="now"))
    journal.visit(held, window([2] * 50, 50.0))
    journal.end(Outcome(end=End.FOUND, reason="", hold_users=8))
    journal.close()
    second, visited, outcome = reader.new()
    assert second == Second(t_s=1, time="now")
    assert isinstance(visited, Visited)
    assert visited.visit == held
    assert outcome == Outcome(end=End.FOUND, reason="", hold_users=8)
    with path.open("ab") as file:
        file.write(b'Started {"origin": 7')
    assert list(reader.new()) == []
    with path.open("ab") as file:
        file.write(b".0}\n")
    assert list(reader.new()) == [Started(7.0)]


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), 0.5])
def test_what_numpy_worked_out_is_a_number(number: float) -> None:
    assert encode({"x": number, "n": np.int64(3), "b": np.bool_(True)}) == b'{"x":0.5,"n":3,"b":true}'

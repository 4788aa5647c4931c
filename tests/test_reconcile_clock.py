"""The match by clocks alone: for any skew and strangers, a pair is right or not told as sure."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server_logs import Generated
from tooltrail.reconcile.candidates import Candidates
from tooltrail.reconcile.clocks import interval_of, offsets
from tooltrail.reconcile.matching import Matching
from tooltrail.reconcile.order import Pair, most_matched, shares
from tooltrail.reconcile.record import Record
from tooltrail.reconcile.requests import Request
from tooltrail.reconcile.server_log import ServerLog
from tooltrail.reconcile.times import OtherMonthError, read_time

SKEWS = st.one_of(
    st.just(0.0),
    st.floats(-30, 30),
    st.sampled_from([3600.0, -7200.0, 19800.0, 3607.0]),
    st.floats(-4000, 4000),
)


def matched(made: Generated, folder: Path, *, with_path: bool) -> tuple[Matching, Candidates]:
    """Match what was generated, as the command does."""
    requests = [
        Request(
            Record({"request_id": f"req_{number}"}),
            start=start,
            end=end,
            method=method,
            path=path if with_path else None,
            status=status,
        )
        for number, (start, end, method, path, status) in enumerate(made.requests)
    ]
    log_path = folder / "access.log"
    log_path.write_text(made.text)
    log = ServerLog(str(log_path), "auto", requests[-1].end)
    candidates = Candidates(requests, own_host=False)
    candidates.read(log)
    span = (log.last or 0.0) - (log.first or 0.0)
    return Matching(candidates, 5.0, None, span), candidates


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 25),
    st.floats(0, 6),
    SKEWS,
    st.booleans(),
)
def test_a_pair_that_is_told_as_sure_is_right(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    requests: int,
    strangers: float,
    skew: float,
    with_path: bool,
) -> None:
    """No pair is told as sure and is another request's, where the log has every line."""
    made = Generated(seed, requests=requests, strangers=strangers, skew=skew)
    matching, candidates = matched(made, tmp_path_factory.mktemp("log"), with_path=with_path)
    wrong = [
        (number, match.lines[0])
        for number, match in enumerate(matching.matches)
        if match.sure and candidates.lines[match.lines[0][0]].number != made.truth[number]
    ]
    assert not wrong, (matching.offsets, wrong)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), SKEWS)
def test_without_strangers_the_offset_is_found(
    tmp_path_factory: pytest.TempPathFactory, seed: int, skew: float
) -> None:
    """To what whole seconds allow, with ten requests."""
    made = Generated(seed, requests=10, strangers=0, skew=skew)
    matching, _ = matched(made, tmp_path_factory.mktemp("log"), with_path=True)
    assert matching.offset is not None
    assert any(abs(each.seconds - skew) <= 1.5 for each in matching.offsets)


def test_offsets_that_fit_alike_are_all_kept() -> None:
    """One request and two lines: it may be either, and nothing is said to be certain."""
    lines = [interval_of(100.0, 100.1, at, 1.0, 0) for at in (107.0, 160.0)]
    found = offsets(lines, 1000.0)
    assert len(found) == 2
    assert max(each.weight for each in found) < 0.9


def test_order_tells_what_time_alone_does_not() -> None:
    """Two requests, two lines that fit both: the earlier is the earlier's. A third is doubted."""
    sure = shares([Pair(n, line, 10.0) for n in (0, 1) for line in (0, 1)])
    assert sure[0, 0] > 0.99
    assert sure[1, 1] > 0.99
    doubted = shares([Pair(n, line, 10.0) for n in (0, 1) for line in (0, 1, 2)])
    assert max(doubted.values()) < 0.9


def test_requests_that_have_no_line_of_their_own_are_counted() -> None:
    """Three requests for two lines: whichever they are, one has none."""
    assert most_matched([Pair(n, line, 1.0) for n in range(3) for line in range(2)]) == 2


@pytest.mark.parametrize(
    ("text", "seconds", "fineness"),
    [
        ("22/Nov/2026:14:30:00 +0000", 1795357800.0, 1.0),
        ("22/Nov/2026:16:30:00 +0200", 1795357800.0, 1.0),
        ("2026-11-22T14:30:00.250Z", 1795357800.25, 0.001),
        ("2026-11-22 14:30:00,250", 1795357800.25, 0.001),
        ("1795357800.250", 1795357800.25, 0.001),
        ("1795357800250", 1795357800.25, 0.001),
        ("1795357800250000000", 1795357800.25, 1e-9),
        ("Nov 22 14:30:00", 1795357800.0, 1.0),
    ],
)
def test_times_are_read_as_servers_write_them(text: str, seconds: float, fineness: float) -> None:
    """With their zone, and with how fine they are."""
    found = read_time(text, 1795350000.0)
    assert found is not None
    assert found.at == pytest.approx(seconds, abs=1e-3)
    assert found.fineness == pytest.approx(fineness)


def test_what_is_no_time_is_none_and_another_language_is_said() -> None:
    """Neither is guessed at."""
    for text in ("", "yesterday", "99/Nov/2026:14:30:00 +0000", "2026-13-01T00:00:00", "12", "[]"):
        assert read_time(text, 0.0) is None
    with pytest.raises(OtherMonthError):
        read_time("22/Okt/2026:14:30:00 +0200", 0.0)

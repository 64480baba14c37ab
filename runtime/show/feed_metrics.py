"""Metric families of feeds, per instrument.

Owns:    the names corelane_feed_* with labels symbol, cause, trouble, stream.
Refuses: reading pages (observer.py), all other families (metrics.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime.pages import names
from runtime.show.family import Family, Labels, Value, instrument, numbered, seconds
from runtime.show.snapshot import Feed, Instrument, Snapshot


def figure(name: str, field: str, text: str) -> Family:
    return instrument("counter", name, text, lambda one: one.feed.counters[field])


def spare(name: str, field: str, text: str) -> Family:
    def read(one: Instrument) -> float | None:
        return one.feed.counters[field] if one.feed.counters["spare_polls"] else None

    return instrument("counter", name, f"{text[:-1]}; absent before the first.", read)


def nonzero(figures: dict[str, int]) -> dict[str, float]:
    """Leave out what never happened: causes times instruments are many."""
    return {name: value for name, value in figures.items() if value}


def each(
    kind: str,
    name: str,
    text: str,
    label: str,
    size: int,
    read: Callable[[Feed], dict[str, float]],
) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.instruments:
            for key, value in read(one.feed).items():
                yield (one.lane, one.symbol, key), value

    bound = f"lanes x instruments x {size}"
    return Family(name, kind, text, ("lane", "symbol", label), bound, every)


def line(kind: str, name: str, field: str, text: str, unit: float = 1) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.lanes:
            for number, figures in enumerate(one.lines):
                yield (one.number, str(number)), figures[field] / unit

    text = f"{text[:-1]}; absent with one line."
    return Family(name, kind, text, ("lane", "line"), "lanes x 4", every)


LINES = [
    line("counter", "feed_line_wins", "wins", "Events whose first good copy this line had."),
    line("counter", "feed_line_duplicates", "duplicates", "Copies behind another line's."),
    line("counter", "feed_line_held", "held", "Copies ahead of something that was missing."),
    line("counter", "feed_line_unused", "unused", "Copies while the line was not listened to."),
    line("counter", "feed_line_lost", "lost", "Events that another line had and this one never."),
    line("counter", "feed_line_errors", "errors", "Frames not read, and copies that differ."),
    line("counter", "feed_line_isolations", "isolations", "Times it was not listened to any more."),
    line("counter", "feed_line_returns", "returns", "Times it had proven itself again."),
    line("counter", "feed_line_late_seconds", "late_ns", "Delay of its duplicates, summed.", 1e9),
    line("gauge", "feed_line_late_mean_seconds", "late_ns_mean", "Recent mean delay.", 1e9),
    line("gauge", "feed_line_score_ratio", "score_bps", "Share whole and in time.", 1e4),
    line("gauge", "feed_line_unheard_instruments", "unheard", "Instruments not heard on it now."),
]
FAMILIES = [
    *LINES,
    figure("feed_snapshots", "resyncs", "Book snapshots adopted."),
    figure("feed_snapshots_too_old", "too_old", "Book snapshots older than the stream."),
    figure("feed_gaps", "gaps", "Sequence gaps of this instrument."),
    figure("feed_trade_gaps", "trade_gaps", "Holes in the numbers of trades."),
    figure("feed_trades_missed", "trades_missed", "Trades in those holes."),
    figure("feed_trades_filled", "trades_filled", "Those of them that were fetched afterwards."),
    spare("feed_spare_polls", "spare_polls", "Polls of the spare source taken."),
    spare("feed_spare_compared", "spare_compared", "Polls of the update that the book showed."),
    spare("feed_spare_equal", "spare_equal", "Those of them with the book's top."),
    instrument(
        "counter",
        "feed_blind_seconds",
        "Time with the book not in sequence.",
        lambda one: one.feed.blind_ns / 1e9,
    ),
    instrument(
        "gauge",
        "feed_lag_seconds",
        "Last event, over the quickest one seen.",
        lambda one: seconds(one.feed.lag_ns),
    ),
    instrument(
        "gauge",
        "feed_source",
        f"What serves the top: {numbered(names.FEED_SOURCES)}.",
        lambda one: one.feed.source,
    ),
    each(
        "counter",
        "feed_resyncs",
        "Book snapshots asked for; absent until the first.",
        "cause",
        len(names.RESYNC_REASONS) - 1,
        lambda feed: nonzero(feed.wanted),
    ),
    each(
        "counter",
        "feed_troubles",
        "What was told of a feed; absent until the first.",
        "trouble",
        len(names.TROUBLES) - 1,
        lambda feed: nonzero(feed.troubles),
    ),
    each(
        "gauge",
        "feed_stream_state",
        f"State of a stream: {numbered(names.STREAM_STATES)}.",
        "stream",
        len(names.EVENTS) - 1,
        lambda feed: dict(feed.stream_states),
    ),
    each(
        "gauge",
        "feed_stream_age_seconds",
        "Since the stream's last message; absent before the first.",
        "stream",
        len(names.EVENTS) - 1,
        lambda feed: {name: ns / 1e9 for name, ns in feed.stream_ages_ns.items()},
    ),
]

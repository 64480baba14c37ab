"""The live screen: its figures are the scrape's, it fits, and a stopped terminal stops only it."""

import io
import os
import threading

import pytest
from rich.console import Console

from benchmarks.scrape.stage import NOW_NS, Stage
from ops.screen import HEIGHT, WIDTH, Figures, LiveScreen, Screen, is_wanted, render
from runtime._shm import lib
from runtime.show import exporter
from runtime.show.observer import Observer
from tests.show.screen_scrape import series, shown, values


def lines(screen, found, logs=("a log line",), width=WIDTH):
    console = Console(width=width, height=HEIGHT, file=io.StringIO(), record=True)
    console.print(render(screen, found, list(logs), width))
    return console.export_text().splitlines()


def test_every_figure_is_the_scrapes_and_is_shown_as_written(stage):
    found = Observer(stage.deployment).take(NOW_NS)
    scraped = values(exporter.TextWriter().text(found))
    screen = Screen.of(found)
    text = "\n".join(lines(screen, found))
    assert len(screen.cells()) > 80
    for cell in screen.cells():
        assert cell.form(scraped[series(cell)]) in text, cell
    assert shown(screen, found) == {key: scraped[key] for key in shown(screen, found)}


@pytest.mark.parametrize("instruments", [0, 1, 9, 200])
@pytest.mark.parametrize("lanes", [0, 1, 2, 9])
@pytest.mark.parametrize("reasons", [0, 20])
def test_screen_fits_100_by_40_whatever_there_is(lanes, instruments, reasons):
    with Stage(f"fit{os.getpid()}", lanes=lanes, instruments=instruments) as stage:
        stage.supervisor.view.degraded = b"\n".join(b"sentence %d" % n for n in range(reasons))
        for lane in stage.lanes:
            for n in range(1, instruments + 1):
                lane.view.tops[n].bid_ticks = -(2**62)
                lane.view.positions[n].lots[0] = 2**60
        found = Observer(stage.deployment).take(NOW_NS)
        out = lines(Screen.of(found), found, [f"log {n} " + "x" * 300 for n in range(50)])
    assert len(out) <= HEIGHT
    assert max(map(len, out)) <= WIDTH
    assert any("and" in line and "more reasons" in line for line in out) == (reasons == 20)


def test_lost_books_and_positions_come_first_when_there_is_no_room():
    with Stage(f"fit{os.getpid()}", lanes=1, instruments=100) as stage:
        view = stage.lanes[0].view
        for n in range(1, 101):
            view.positions[n].lots[0] = 0
        view.positions[90].lots[0] = 5
        view.tops[77].state = lib.HP_BOOK_STALE
        found = Observer(stage.deployment).take(NOW_NS)
    rows = Screen.of(found).sections[0].rows
    assert [row[0] for row in rows[:3]] == ["SYM76USDT", "SYM89USDT", "SYM0USDT"]


def test_absent_figure_is_a_dash_and_not_zero(stage):
    stage.lanes[0].view.tops[1].bid_lots = 0
    found = Observer(stage.deployment).take(NOW_NS)
    row = Screen.of(found).sections[0].rows[0]
    assert Figures(found).text(row[2]) == "-"


def test_deployment_without_pages_still_has_a_screen():
    found = Observer("show-nobody").take()
    assert "no lane has a page" in "\n".join(lines(Screen.of(found), found))


def test_terminal_that_takes_nothing_holds_up_nobody(stage, monkeypatch):
    """Nobody reads the pipe: the screen's thread waits in write, say() and close() do not."""
    reading, writing = os.pipe()
    file = os.fdopen(writing, "w")
    console = Console(file=file, force_terminal=True, width=WIDTH, height=HEIGHT)
    monkeypatch.setenv("TERM", "xterm")
    screen = LiveScreen(stage.deployment, console)
    screen.start()
    over = threading.Event()

    def use():
        for n in range(10_000):
            screen.say(f"line {n}")
        screen.close()
        over.set()

    user = threading.Thread(target=use)
    user.start()
    assert over.wait(60)
    user.join()
    assert len(screen.logs) == screen.logs.maxlen
    os.close(reading)
    screen.thread.join(60)


def test_screen_is_for_terminals_only(monkeypatch):
    assert not is_wanted(Console(file=io.StringIO()))
    monkeypatch.setenv("TERM", "dumb")
    assert not is_wanted(Console(force_terminal=True))
    monkeypatch.setenv("TERM", "xterm-256color")
    assert is_wanted(Console(force_terminal=True))

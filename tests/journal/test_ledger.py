"""The ledger out of a journal: the lane's own books, a naive count, the venue's word."""

import json
import random
from fractions import Fraction

import pytest

from hotpath.journal.tail import SEGMENT_BYTES
from ops import ledger as command
from ops.cli import main
from runtime._shm import ffi, lib
from runtime.journal import ledger, recording
from venues.binance.usdm import cash

from .story import TRADER, Story, instruments, trade

BUY = lib.HP_SIDE_BUY


@pytest.fixture(scope="module")
def trader(tmp_path_factory):
    path = tmp_path_factory.mktemp("strategy") / "trader_of_ledger.py"
    path.write_text(TRADER)
    return path


class Day(Story):
    """A story in which fills come at any price, on both sides, of orders of others."""

    def fill(self, dice, instrument=0):
        self.trade += 1
        report = ffi.new("hp_report_t *")
        report.kind, report.foreign = lib.HP_REPORT_FILL, 1
        report.instrument = instrument or 1 + dice.randrange(2)
        report.side = 1 + dice.randrange(2)
        report.last_lots = 1 + dice.randrange(30)
        report.last_ticks = 600_000 + dice.randrange(-5000, 5000)
        report.trade_id, report.fee_e8 = self.trade, dice.randrange(-500, 5000)
        self.lane.now_ns += 1_000_000
        self.lane.report(bytes(ffi.buffer(report)))
        self.archiver.copy()
        return report


def opened(story):
    """Open the lane, so that it carries its books in each segment."""
    generation = story.lane.begin_opening()
    said = ffi.new("hp_opening_t *")
    story.lane.fact(lib.HP_MAIL_OPENING, generation, bytes(ffi.buffer(said)))


class Naive:
    """Lots and money counted by hand, in fractions of a quote unit."""

    def __init__(self):
        self.lots, self.cash, self.fees = 0, Fraction(0), 0

    def fill(self, report):
        sign = 1 if report.side == BUY else -1
        self.lots += sign * report.last_lots
        self.cash -= sign * Fraction(report.last_ticks * report.last_lots, 10**4)  # 1 + 3 decimals
        self.fees += report.fee_e8


def test_coins_of_an_inverse_contract_are_the_lanes_to_the_last_unit(tmp_path, trader):
    """Instrument 2 is a contract of 100 units of quote: books, problems and PnL know its sign."""
    dice = random.Random(11)
    coin = {"price_decimals": 1, "size_decimals": 0, "contract": 2, "multiplier_e8": 100 * 10**8}
    story = Day(tmp_path / "run", trader, instruments=instruments({2: coin}))
    opened(story)
    exact, entry, lots = Fraction(0), Fraction(0), 0
    n = 400
    for _ in range(n):
        r = story.fill(dice, instrument=2)
        sign = 1 if r.side == BUY else -1
        closing = min(abs(lots), r.last_lots) if lots * sign < 0 else 0
        exact += (1 if lots > 0 else -1) * closing * 10**11 * (entry - Fraction(1, r.last_ticks))
        lots += sign * closing
        opening = r.last_lots - closing
        if opening:
            entry = (entry * abs(lots) + Fraction(opening, r.last_ticks)) / (abs(lots) + opening)
            lots += sign * opening
    theirs = story.lane.position(2)
    story.end()
    found = ledger.read(tmp_path / "run")
    assert found.problems() == []
    assert found.carries > 1
    key = ("binance_usdm", 0, 2, 0)
    book = found.positions[key]
    assert (book.lots, book.cost_e8) == (theirs["lots"][0], theirs["cost_e8"][0])
    assert book.realised_e8 == theirs["realised_e8"]
    assert abs(book.realised_e8 - exact) < 2 * n
    twice = found.marks["binance_usdm", 2][0]
    open_e8 = lots * 10**11 * (entry - Fraction(2, twice))
    assert 0 <= exact + open_e8 - book.realised_e8 - found.unrealised(key, book) <= n + 1


def test_books_are_the_lanes_and_those_of_a_naive_count(tmp_path, trader):
    dice = random.Random(7)
    story = Day(tmp_path / "run", trader)
    opened(story)
    naive = {1: Naive(), 2: Naive()}
    for _ in range(1500):
        report = story.fill(dice)
        naive[report.instrument].fill(report)
        story.lane.turn(2_000_000)
    lane = {n: story.lane.position(n) for n in naive}
    story.end()
    found = ledger.read(tmp_path / "run")
    assert found.problems() == []
    assert found.carries > 4
    for number, count in naive.items():
        book = found.positions["binance_usdm", 0, number, 0]
        theirs = lane[number]
        assert (book.lots, book.cost_e8) == (theirs["lots"][0], theirs["cost_e8"][0])
        assert book.realised_e8 == theirs["realised_e8"]
        assert (book.bought, book.sold) == (theirs["bought_lots"], theirs["sold_lots"])
        assert (book.lots, sum(book.fees.values())) == (count.lots, count.fees)
        assert book.cash_e8 == count.cash * 10**8
        assert book.realised_e8 - book.cost_e8 == count.cash * 10**8


def test_strategies_shares_add_up_to_the_position(tmp_path, trader):
    story = Story(tmp_path / "run", trader)
    for event in trade(400):
        story.happen(*event)
    story.end()
    found = ledger.read(tmp_path / "run")
    assert found.problems() == []
    names = {row["strategy"] for row in found.lines()}
    assert any(name.endswith(":Trader") for name in names)
    assert sum(row["fills"] for row in found.lines()) == len(found.entries) > 20


def test_state_at_a_past_time_is_the_state_of_then(tmp_path, trader):
    dice = random.Random(3)
    story = Day(tmp_path / "run", trader)
    opened(story)
    kept = []
    for _ in range(60):
        story.fill(dice, instrument=1)
        real_ns = 1_700_000_000_000_000_000 + story.lane.now_ns - 1_000_000_000
        kept.append((real_ns, story.lane.position(1)))
    story.end()
    for real_ns, theirs in kept[::7]:
        found = ledger.read(tmp_path / "run", real_ns)
        book = found.positions["binance_usdm", 0, 1, 0]
        assert (book.lots, book.realised_e8) == (theirs["lots"][0], theirs["realised_e8"])
    assert ledger.read(tmp_path / "run", kept[0][0] - 1).entries == []


def test_books_that_are_not_the_carried_ones_are_told_with_their_record(tmp_path, trader):
    dice = random.Random(5)
    story = Day(tmp_path / "run", trader)
    opened(story)
    for _ in range(900):
        story.fill(dice, instrument=1)
        story.lane.turn(2_000_000)
    story.end()
    (run,) = recording.lanes(tmp_path / "run")
    path = run.paths[0]
    data = bytearray(path.read_bytes())
    at = SEGMENT_BYTES
    while int.from_bytes(data[at + 4 : at + 6], "little") != lib.HP_RECORD_FILL:
        at += (40 + int.from_bytes(data[at : at + 4], "little") + 7) & ~7
    lots = at + 40 + ffi.offsetof("hp_report_t", "last_lots")
    data[lots] += 1  # one who tampers makes the checksum good again
    length = int.from_bytes(data[at : at + 4], "little")
    data[at + 32 : at + 36] = bytes(4)
    crc = lib.hp_crc32c(0, bytes(data[at : at + 40 + length]), 40 + length)
    data[at + 32 : at + 36] = crc.to_bytes(4, "little")
    path.write_bytes(data)
    problems = ledger.read(tmp_path / "run").problems()
    assert {one.what for one in problems} == {"carry"}
    assert problems[0].sequence > 0 and "the lane carries" in problems[0].text


def funding(reason="FUNDING_FEE", change="-0.31250000", wallet="99.68750000", at_ms=0):
    return json.dumps(
        {
            "e": "ACCOUNT_UPDATE",
            "E": 1723161258284 + at_ms,
            "T": 1723161258280 + at_ms,
            "a": {"m": reason, "B": [{"a": "USDT", "wb": wallet, "cw": wallet, "bc": change}]},
        }
    ).encode()


def test_funding_is_booked_from_the_venues_words_and_agrees_with_its_wallet(tmp_path, trader):
    story = Story(tmp_path / "run", trader)
    user = lib.HP_SOCKET_USER
    story.lane.report_frame(funding("ORDER", "0", "100.00000000"), socket=user)
    story.lane.report_frame(funding(), socket=user)
    story.lane.report_frame(funding(change="0.1", wallet="99.7875"), socket=user)
    story.end()
    found = ledger.read(tmp_path / "run")
    assert found.funding == {("binance_usdm", 0, "", "USDT"): -21_250_000}
    assert [one.amount_e8 for one in found.entries] == [-31_250_000, 10_000_000]
    assert found.problems() == []


def test_wallet_that_moved_otherwise_is_told(tmp_path, trader):
    story = Story(tmp_path / "run", trader)
    for n, wallet in enumerate(("100", "100.5", "101", "101")):
        frame = funding("WITHDRAW", "0", wallet, at_ms=2000 * n)
        story.lane.report_frame(frame, socket=lib.HP_SOCKET_USER)
    story.end()
    problems = ledger.read(tmp_path / "run").problems()
    assert [one.what for one in problems] == ["wallet", "wallet"]
    assert all("moved by 50000000, the ledger by 0" in one.text for one in problems)
    assert 0 < problems[0].sequence < problems[1].sequence


def test_fill_whose_event_was_lost_is_no_difference_of_the_wallet(tmp_path, trader):
    """The stream is cut between the word about a wallet and the one about its fill; the fill is
    learnt from the list of trades after two others.  Fees: 0.18, 0.02 and 0.03."""
    story = Day(tmp_path / "run", trader)
    opened(story)

    def fill(number, fee_e8, at_ms, is_told=True):
        report = ffi.new("hp_report_t *")
        report.kind, report.foreign = lib.HP_REPORT_FILL, 1
        report.instrument, report.side, report.last_lots = 1, BUY, 1
        report.last_ticks, report.trade_id, report.fee_e8 = 600_000, number, fee_e8
        report.match_ns = (1723161258280 + at_ms) * 10**6
        report.event_ns = (1723161258284 + at_ms) * 10**6 if is_told else 0
        report.request = lib.HP_REQUEST_NONE if is_told else lib.HP_REQUEST_STATUS
        story.lane.report(bytes(ffi.buffer(report)))

    def word(balance, at_ms):
        frame = funding("ORDER", "0", balance, at_ms=at_ms)
        story.lane.report_frame(frame, socket=lib.HP_SOCKET_USER)

    word("99.82", 0)  # the fill's own event is lost
    word("99.80", 2000)
    fill(2, 2_000_000, 2000)
    word("99.77", 4000)
    fill(3, 3_000_000, 4000)
    fill(1, 18_000_000, 0, is_told=False)
    word("99.76", 6000)
    fill(4, 1_000_000, 6000)
    story.end()
    found = ledger.read(tmp_path / "run")
    assert found.problems() == []
    assert found.wallets["binance_usdm", 0, "USDT"].count == 4


@pytest.mark.parametrize(
    "frame", [b"", b"ACCOUNT_UPDATE", b'{"e":"ACCOUNT_UPDATE"}', funding(change="x"), b"\xff" * 40]
)
def test_frame_that_cannot_be_read_says_nothing(frame):
    assert list(cash.words(frame)) == []


def test_times_are_read_as_people_write_them():
    end = 1_796_000_000 * 10**9
    for text, ns in (
        ("5m", end - 300 * 10**9),
        ("-5m", end - 300 * 10**9),
        ("1.5s", end - 1_500_000_000),
        ("250ms", end - 250_000_000),
        ("1796000000000000001", 1_796_000_000_000_000_001),
        ("2026-11-29T02:00:00Z", 1_795_917_600 * 10**9),
    ):
        assert command.time_of(text, end) == ns, text
    for text in ("", "5", "5x", "yesterday", "-", "1.2.3s"):
        with pytest.raises(command.TimeError, match="before the end"):
            command.time_of(text, end)


def test_money_is_shown_to_the_last_unit():
    for e8, text in ((0, "0.00"), (10**7, "0.10"), (-1, "-0.00000001"), (123456789, "1.23456789")):
        assert command.exact(e8) == text
    assert command.clock(1_795_917_600_999_999_999) == "2026-11-29T02:00:00.999Z"


def test_commands_fit_a_terminal_and_take_a_time_before_the_end(tmp_path, trader, capsys):
    story = Story(tmp_path / "run", trader)
    for event in trade(60):
        story.happen(*event)
    story.end()
    for words in (["show"], ["show", "--at", "10ms"], ["entries"], ["check"]):
        main(["ledger", words[0], str(tmp_path / "run"), *words[1:]])
        shown = capsys.readouterr().out.replace(str(tmp_path), "")
        assert shown and max(map(len, shown.splitlines())) <= 100

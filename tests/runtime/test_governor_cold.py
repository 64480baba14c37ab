"""The governor's cold side: answers told to lanes, refusals heeded, the pace of questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime._shm import ffi, lib
from runtime.feeds.resync import LOOK_AGAIN_S, WeightBudget
from runtime.feeds.supply import LIMITS
from runtime.sentinel.sweep import Venue
from runtime.sentinel.wire import Reply
from runtime.session import governor as module
from runtime.session import quota, stops
from runtime.session.governor import Governor, Listener
from venues.binance.public import Heard, Usage, usages, windows
from venues.binance.usdm import rescue

S = 10**9


class Clock:
    now = 1000 * S

    def monotonic_ns(self):
        return self.now

    def time_ns(self):
        return self.now + 10**18


class Stage:
    """A governor with one lane, whose page and mail are plain memory."""

    def __init__(self, monkeypatch, directory):
        self.clock = Clock()
        for name in ("monotonic_ns", "time_ns"):
            monkeypatch.setattr(module.time, name, getattr(self.clock, name))
        self.said, self.mail, self.directory = [], [], directory
        self.page = ffi.new("hp_lane_page_t *")
        self.begin()

    def begin(self):
        """A life of the process."""
        self.governor = Governor(self.said.append, self.directory)
        self.join()

    def join(self):
        self.governor.join(0, Listener(self.page, self.put))

    def put(self, kind, data, aux):
        assert kind == lib.HP_MAIL_QUOTA
        told = ffi.new("hp_quota_told_t *")
        ffi.memmove(told, data, len(data))
        self.mail.append(told)
        return True

    def mode(self, mode, kind=lib.HP_QUOTA_WEIGHT):
        row = self.page.quota.rows[0]
        row.kind, row.mode, self.page.quota.window_count = kind, mode, 1


@pytest.fixture
def stage(monkeypatch, tmp_path):
    return Stage(monkeypatch, tmp_path)


def heard(*figures, weight=5, stopped="", status=200, retry=0.0):
    return Heard(list(figures), weight, stopped, status, retry)


def test_each_figure_is_told_with_the_time_of_its_question(stage):
    stage.governor.hear(heard(Usage("weight", 60, 31), Usage("orders", 10, 4)), 77)
    first, second = stage.mail
    assert (first.kind, first.length_s, first.used) == (lib.HP_QUOTA_WEIGHT, 60, 31)
    assert (second.kind, second.length_s, second.used) == (lib.HP_QUOTA_ORDERS, 10, 4)
    assert first.asked_ns == second.asked_ns == 77


def test_answer_without_a_figure_costs_what_the_list_says(stage):
    stage.governor.hear(heard(weight=20), 77)
    (told,) = stage.mail
    assert (told.used, told.cost, told.length_s) == (-1, 20, 0)


@pytest.mark.parametrize(("retry", "seconds"), [(7.0, 7), (0.0, 60)])
def test_refusal_stops_this_process_and_the_lanes(stage, retry, seconds):
    stage.governor.hear(heard(stopped="weight", status=429, retry=retry), 77)
    assert stage.governor.stopped_s() == seconds and stage.governor.pace() == 0
    assert (stage.mail[-1].stop_ns, stage.mail[-1].status) == (seconds * S, 429)
    stage.clock.now += seconds * S
    assert stage.governor.stopped_s() == 0 and stage.governor.pace() == 1


def test_too_many_orders_stop_no_question(stage):
    stage.governor.hear(heard(stopped="orders", status=429, retry=9), 77)
    assert stage.governor.stopped_s() == 0
    assert stage.mail[-1].kind == lib.HP_QUOTA_ORDERS


def test_what_a_lane_was_told_stops_questions_too(stage):
    stage.page.quota.stop_until_ns[lib.HP_QUOTA_WEIGHT] = stage.clock.now + 3 * S
    assert stage.governor.stopped_s() == 3


def test_new_life_of_a_lane_hears_what_was_heard_last(stage):
    stage.governor.hear(heard(Usage("weight", 60, 30)), 77)
    stage.governor.hear(heard(Usage("weight", 60, 31), stopped="weight", status=418, retry=9), 78)
    stage.mail.clear()
    stage.clock.now += 2 * S
    stage.join()
    assert [one.used for one in stage.mail] == [31, -1]
    assert stage.mail[1].stop_ns == 7 * S


@pytest.mark.parametrize("status", [418, 429])
def test_a_refusal_outlives_the_process_until_it_ends(stage, status):
    stage.governor.hear(heard(stopped="weight", status=status, retry=30), 77)
    stage.governor.hear(heard(stopped="orders", status=429, retry=9), 77)
    stage.clock.now += 7 * S
    stage.mail.clear()
    stage.begin()
    assert stage.governor.stopped_s() == 23
    assert [(one.kind, one.stop_ns, one.status) for one in stage.mail] == [
        (lib.HP_QUOTA_WEIGHT, 23 * S, status),
        (lib.HP_QUOTA_ORDERS, 2 * S, 429),
    ]
    stage.clock.now += 23 * S
    stage.mail.clear()
    stage.begin()
    assert stage.governor.stopped_s() == 0 and not stage.mail


def test_what_a_lane_alone_was_told_is_kept_too(stage):
    stage.page.quota.stop_until_ns[lib.HP_QUOTA_WEIGHT] = stage.clock.now + 40 * S
    stage.page.quota.refusals[1] = 1
    stage.governor.leave(0)
    stage.page = ffi.new("hp_lane_page_t *")  # the lane's page is gone with it
    stage.mail.clear()
    stage.begin()
    assert stage.governor.stopped_s() == 40
    assert [(one.stop_ns, one.status) for one in stage.mail] == [(40 * S, 418)]


def test_of_refusals_heard_together_the_last_end_holds(stage):
    """Requests that were under way together are refused one behind the other."""
    for _ in range(2):
        stage.clock.now += 30_000_000
        stage.governor.hear(heard(stopped="weight", status=418, retry=1), 77)
    assert stage.governor.stopped_s() == 1
    stage.begin()
    assert stage.governor.stopped_s() == 1


def test_what_a_lane_was_told_a_little_later_outlives_it(stage):
    stage.governor.hear(heard(stopped="weight", status=429, retry=40), 77)
    stage.page.quota.stop_until_ns[lib.HP_QUOTA_WEIGHT] = stage.clock.now + 40 * S + 30_000_000
    stage.page.quota.refusals[1] = 1  # of a ban long over
    stage.governor.leave(0)
    stage.page = ffi.new("hp_lane_page_t *")
    for _ in range(2):
        stage.mail.clear()
        stage.begin()
        left_ns = 40 * S + 30_000_000
        assert [(one.stop_ns, one.status) for one in stage.mail] == [(left_ns, 429)]


def test_a_refusal_is_written_down_once_however_often_a_lane_shows_it(stage, monkeypatch):
    written, write = [], stops.write
    monkeypatch.setattr(stops, "write", lambda *what: (written.append(what), write(*what)))
    reads = iter(range(stage.clock.now, 2**62, 1_000))  # each look at the clock takes a while
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: next(reads))
    stage.page.quota.stop_until_ns[lib.HP_QUOTA_WEIGHT] = stage.clock.now + 40 * S
    for _ in range(3):
        stage.governor.look()
    assert len(written) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"weight": [' + str(10**18 + 1005 * S) + ", 418]}", 5),
        ('{"weight": [' + str(10**18 + 999 * S) + ", 418]}", 0),
        ('{"weight": [' + str(2 * 10**18) + ", 418]}", 3 * 86_400),  # a clock was wrong
        ("{", 60),
        ('{"wait": [1, 2]}', 60),
        ('{"weight": 5}', 60),
        ("[]", 60),
    ],
)
def test_a_file_of_refusals_is_read_carefully(stage, text, seconds):
    (stage.directory / stops.FILE).write_text(text)
    stage.begin()
    assert stage.governor.stopped_s() == seconds
    assert stops.refused_s(stage.directory, stage.clock.time_ns()) == seconds


def test_a_full_disk_keeps_no_refusal_from_lanes_and_says_so(stage, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stops, "write_durably", full)
    before = len(stage.mail)
    stage.governor.stop(Heard(weight=1, usages=[], status=418, stopped="weight", retry_after_s=9))
    assert stage.governor.standing()[lib.HP_QUOTA_WEIGHT] == (9 * S, 418)
    assert len(stage.mail) > before
    assert any("quota.not_kept" in text and "No space left" in text for text in stage.said)


def test_a_file_of_refusals_that_the_disk_does_not_give_counts_as_one(tmp_path):
    (tmp_path / stops.FILE).mkdir()  # whoever reads it has an error, root too
    assert stops.refused_s(tmp_path, 10**18) == stops.DOUBT_NS / 1e9


def test_a_lane_that_starts_is_told_what_its_former_life_knew(stage):
    page, now = stage.page, stage.clock.now
    page.turn_ns = now - S // 2
    utc = stage.clock.time_ns()
    for n, (kind, length_s) in enumerate(((1, 60), (2, 10), (2, 60))):
        row = page.quota.rows[n]
        row.kind, row.length_s, row.used = kind, length_s, 7 + n
    page.quota.window_count = 3
    page.quota.stop_until_ns[lib.HP_QUOTA_ORDERS] = now + 4 * S
    at = {"asked_ns": now - S // 2}
    # 1e18 + 1000 s is 20 s behind a minute's beginning and at a beginning of ten seconds
    assert stops.told(page, stage.directory, now, utc) == [
        {"kind": 1, "length_s": 60, "used": 7, **at},
        {"kind": 2, "length_s": 60, "used": 9, **at},
        {"kind": 2, "length_s": 0, "stop_ns": 4 * S, "status": 429},
    ]
    assert stops.told(None, stage.directory, now, utc) == []


@pytest.mark.parametrize(
    ("mode", "pace"),
    [("NORMAL", 1), ("BUSY", 0.5), ("SLOW", 0.25), ("NO_RISK", 0), ("RESERVE", 0), ("STOPPED", 0)],
)
def test_pace_of_questions_is_that_of_the_weight(stage, mode, pace):
    stage.mode(getattr(lib, f"HP_QUOTA_{mode}"))
    assert stage.governor.pace() == pace
    stage.mode(getattr(lib, f"HP_QUOTA_{mode}"), lib.HP_QUOTA_ORDERS)
    assert stage.governor.pace() == 1  # questions are no orders


@pytest.mark.parametrize(
    ("pace", "wait", "spares"), [(1, 0.4, True), (0.25, 1.6, False), (0, LOOK_AGAIN_S, False)]
)
def test_budget_goes_at_that_pace(pace, wait, spares):
    budget = WeightBudget(600, 2400, lambda: 0.0, lambda: pace)
    budget.left = 16.0
    assert budget.wait_s(20) == pytest.approx(wait)
    assert budget.can_spare(2, 0) is spares


def test_headers_and_reference_data_are_read():
    headers = {
        "X-MBX-USED-WEIGHT-1M": "12",
        "x-mbx-order-count-10s": "3",
        "X-MBX-ORDER-COUNT-1D": "x",
        "X-MBX-USED-WEIGHT": "9",
        "Retry-After": "4",
    }
    assert usages(headers) == [("weight", 60, 12), ("orders", 10, 3)]
    row = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300}
    assert windows({"rateLimits": [row, {**row, "rateLimitType": "RAW"}]}) == [("orders", 10, 300)]
    assert windows({}) == []


def test_shipped_quota_is_read_and_the_venue_wins():
    found = quota.load(LIMITS)
    assert found.costs["cancel"] == (1, 0) and found.costs["limit"] == (0, 1)
    spec = found.lane_spec([[lib.HP_QUOTA_ORDERS, 10, 77]], quota.RULE)
    assert [lib.HP_QUOTA_ORDERS, 10, 77] in spec["windows"] and len(spec["windows"]) == 3


def test_every_problem_of_a_quota_is_told(tmp_path: Path):
    path = tmp_path / "limits.toml"
    path.write_text(
        '[quota.costs]\ncancle = [1, 0]\nlimit = [1]\n'
        '[[quota.windows]]\nkind = "weights"\nseconds = 60\nlimit = 1\n'
        '[[quota.windows]]\nkind = "weight"\nseconds = 0\nlimit = 1\n'
    )
    with pytest.raises(quota.QuotaError) as told:
        quota.load(path)
    for part in ("cancle", "costs.limit", "windows[0]", "windows[1]"):
        assert part in str(told.value)


@pytest.mark.parametrize(("used", "may"), [(2159, True), (2160, False), (2161, False)])
def test_sentinel_asks_nothing_routine_of_a_minute_that_is_nearly_used(used, may):
    venue = Venue(None, lambda text: "", 240, 2400)
    venue.heed(Reply(200, {rescue.WEIGHT_HEADER: str(used)}, b""))
    assert venue.may(rescue.balances()) is may
    venue.used_minute -= 1  # the next one is another minute
    assert venue.may(rescue.balances())


def test_sentinel_asks_nothing_routine_while_the_venue_refuses():
    venue = Venue(None, lambda text: "", 240)
    venue.heed(Reply(429, {"retry-after": "30"}, b""))
    assert not venue.may(rescue.server_time())
    venue.refused_until_s = 0.0
    assert venue.may(rescue.server_time())

"""Limits of the configuration as the gate's records: units, profiles, hours, the tighter of two."""

import mmap

import pytest

from hotpath.journal.tail import Tail
from hotpath.lane.manual import ManualLane
from runtime._shm import lib
from runtime.config import hours, limits
from runtime.config.file import ConfigError, parse
from runtime.config.keys import Config
from runtime.config.lane_mail import changed, mails
from runtime.config.limits import gate_policy, scopes
from runtime.journal.tailer import records_of
from runtime.lanes.spec import add_instrument, set_policies
from runtime.pages.page import LANE_BYTES
from runtime.session import quota
from runtime.show.verdicts import V
from venues.binance.usdm.codec import Codec

NONE = lib.HP_LIMIT_NONE


def of(found, dimension, number):
    """The bounds of one scope."""
    rows = [r["bounds"] for r in found if (r["dimension"], r["id"]) == (dimension, number)]
    assert len(rows) == 1
    return rows[0]


def records(text):
    return limits.records(**scopes(parse(text, "x")), instruments=[3, 9])


def test_nothing_said_limits_nothing_in_any_dimension():
    found = records("")
    assert [(r["dimension"], r["id"]) for r in found] == [(1, 0), (2, 0), (3, 0), (4, 3), (4, 9)]
    for row in found:
        assert row["bounds"]["gross_notional_e8_max"] == row["bounds"]["token_rate"] == NONE
        assert row["bounds"]["capital_e8"] == row["bounds"]["daily_loss_e8_max"] == NONE


def test_keys_have_their_units():
    found = records(
        "[account_limits]\nnet_notional_max = 7\nleverage_tenths_max = 25\ncapital = 100\n"
        "cool_down_s = 60\nbudget_window_s = 2\n[instrument_limits]\nfast_window_ms = 3\n"
        "gross_notional_max = 0\n"
    )
    account, instrument = of(found, 1, 0), of(found, 4, 9)
    assert account["net_notional_e8_max"] == 7 * 10**8
    assert (account["leverage_e4_max"], account["capital_e8"]) == (25_000, 10**10)
    assert (account["cool_down_ns"], account["budget_window_ns"]) == (60 * 10**9, 2 * 10**9)
    assert (instrument["fast_window_ns"], instrument["gross_notional_e8_max"]) == (3 * 10**6, 0)


@pytest.mark.parametrize("name", sorted(limits.PROFILES))
def test_shipped_profiles_say_only_what_a_gate_knows(name):
    about = set(limits.PROFILES[name]) - {"about"}
    assert about <= set(limits.FIELDS) | set(limits.PARTS)
    one = limits.profile(name, 10_000, 0)
    assert one.daily_loss_e8_max <= 500 * 10**8


def test_profiles_carry_the_seeds_figures():
    """REQUIREMENTS M6, N6 and F8 with a capital of 10,000 and of 40,000."""
    scalper = limits.profile("athena-scalper_v1", 10_000, 0)
    assert (scalper.leverage_e4_max, scalper.order_notional_e8_max) == (30_000, 500 * 10**8)
    assert (scalper.drawdown_bps_max, scalper.token_rate) == (1500, 5)
    assert limits.profile("athena-default", 10_000, 0).order_notional_e8_max == 1000 * 10**8
    perpbot = limits.profile("perpbot", 40_000, 0)
    assert perpbot.order_notional_e8_max == 2000 * 10**8  # 5 % of equity
    assert perpbot.daily_loss_e8_max == 500 * 10**8  # 500 is tighter than 5 %
    assert (perpbot.failures_max, perpbot.cool_down_ns) == (3, 60 * 10**9)
    assert limits.profile("hft", 10_000, 0).daily_loss_e8_max == 300 * 10**8


def test_tighter_of_profile_and_configuration_holds():
    text = (
        "[strategy_limits]\norder_notional_max = {}\n"
        '[[strategies]]\nprofile = "athena-scalper_v1"\ncapital = 10000\n'
    )
    assert of(records(text.format(499)), 3, 0)["order_notional_e8_max"] == 499 * 10**8
    assert of(records(text.format(501)), 3, 0)["order_notional_e8_max"] == 500 * 10**8


def test_fast_market_of_a_profile_is_its_instruments():
    found = records('[[strategies]]\nprofile = "perpbot"\ncapital = 10000\n')
    for number in (3, 9):
        bounds = of(found, 4, number)
        assert (bounds["fast_move_bps_max"], bounds["fast_freeze_ns"]) == (50, 5 * 10**9)


def test_profile_in_parts_of_an_unknown_capital_is_refused():
    with pytest.raises(ConfigError) as told:
        parse('[[strategies]]\nprofile = "perpbot"\n', "x")
    assert "say the strategy's capital" in str(told.value)


QUOTA_MODES = ("SLOW", "NO_RISK", "RESERVE", "STOPPED")  # throttle unless it is said otherwise


def test_policies_go_by_verdict():
    text = '[gate]\nself_trade = "oldest"\ncancel_rate = "warn"\nleverage = "throttle"\n'
    told = gate_policy(parse(text, "x"))
    assert told == {
        "self_trade": "oldest",
        "throttle_ms": 100,
        "warns": [V["CANCEL_RATE"]],
        "throttles": [V["LEVERAGE"], *(V[f"QUOTA_{n}"] for n in QUOTA_MODES)],
    }


def test_what_a_lease_promises_cannot_be_a_warning():
    with pytest.raises(ConfigError):
        parse('[gate]\ngross_notional = "warn"\n', "x")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("daily 02:00-02:30", (7200, 9000, 0x7F, 0)),
        ("mon-fri 08:00-16:30", (28800, 59400, 0x1F, 0)),
        ("sat 00:00-24:00", (0, 86400, 0x20, 0)),
        ("fri-mon 00:00-00:01", (0, 60, 0x71, 0)),
    ],
)
def test_hours(text, want):
    assert hours.window(text, False) == want


@pytest.mark.parametrize(
    "text",
    ["", "daily", "daily 2:00-3:00", "daily 23:00-01:00", "foo 01:00-02:00", "mon 00:61-02:00"],
)
def test_hours_that_are_none(text):
    with pytest.raises(ValueError, match="want"):
        hours.window(text, False)
    with pytest.raises(ConfigError):
        parse(f'[limits]\nmaintenance = ["{text}"]\n', "x")


def test_mail_of_limits_is_what_a_lane_journals_of_them_and_names_only_what_changed():
    """A lane built of a specification, and one that was told of it later, hold the same."""
    held = scopes(Config())
    spec = {
        "rate": [100, 50, 5],
        "limits": limits.records(**held, instruments=[1]),
        "gate_policy": gate_policy(Config()),
        "quota": {"rule": {**quota.RULE, "costs": {"cancel": [1, 0]}}, "windows": []},
        "clock_ns_max": 50_000_000,
        "clock_warns": True,
        "instruments": [
            {
                "id": 1,
                "symbol": "BTCUSDT",
                "about": {"price_decimals": 1, "size_decimals": 3, "step_size_lots": 2},
                "limits": {"band_bps": 40, "windows": [(0, 60, 127, 1)]},
            }
        ],
    }
    ring = mmap.mmap(-1, lib.HP_JOURNAL_HEAD_BYTES + 2 * 65536)
    shape = {"journal": ring, "segment_bytes": 65536, "segment_count": 2}
    lane = ManualLane(Codec(), bytearray(LANE_BYTES), **shape)
    set_policies(lane, spec)
    (item,) = spec["instruments"]
    add_instrument(lane, item)
    lane.put_rule(1, **item["limits"])
    found = mails(spec, set())
    kinds = {
        lib.HP_MAIL_INSTRUMENT: lib.HP_RECORD_INSTRUMENT,
        lib.HP_MAIL_LIMIT: lib.HP_RECORD_LIMITS,
        lib.HP_MAIL_RULE: lib.HP_RECORD_RULE,
        lib.HP_MAIL_POLICY: lib.HP_RECORD_POLICY,
        lib.HP_MAIL_QUOTA_RULE: lib.HP_RECORD_QUOTA_RULE,
    }
    written = [(r.kind, r.payload) for chunk in read(ring) for r in records_of(chunk)]
    assert {scope[0] for scope in found} == set(kinds)
    for mail in found.values():
        assert (kinds[mail.kind], mail.data) in written
    other = {**spec, "instruments": [{**item, "limits": {"band_bps": 41}}]}
    assert list(changed(found, mails(other, set()))) == [(lib.HP_MAIL_RULE, 1, 0)]
    less = {**spec, "quota": {"rule": {**spec["quota"]["rule"], "busy": 40}}}
    assert list(changed(found, mails(less, set()))) == [(lib.HP_MAIL_QUOTA_RULE, 0, 0)]
    account = (lib.HP_DIMENSION_ACCOUNT, 0)
    assert (lib.HP_MAIL_LIMIT, *account) not in mails(spec, {account})


def read(ring):
    tail = Tail(ring)
    while (chunk := tail.read()) is not None:
        yield chunk

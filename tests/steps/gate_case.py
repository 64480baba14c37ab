"""An intent that passes, with all that it is judged against: the stage of the gate's tests."""

from __future__ import annotations

BUY, SELL = 1, 2
NOW = 10_000_000_000


class Case:
    """An intent that passes, with all that it is judged against; tests bend one thing."""

    def __init__(self, steps):
        self.lib, ffi = steps.lib, steps.ffi
        self.ffi = ffi
        self.slots = ffi.new("hp_order_t[]", 64)
        self.gate = ffi.gc(self.lib.t_gate(self.slots, 64), self.lib.t_gate_free)
        self.intent = ffi.new("hp_intent_t *")
        self.about = ffi.new("hp_instrument_t *")
        self.limits = ffi.new("hp_instrument_limits_t *")
        self.position = ffi.new("hp_lane_position_t *")
        self.exposure = ffi.new("hp_exposure_t *")
        self.verdict = ffi.new("hp_verdict_t *")
        self.gate.is_armed = 1
        a = self.about
        a.id, a.status, a.contract, a.price_decimals, a.size_decimals = 1, 1, 1, 1, 3
        a.multiplier_e8, a.tick_size_ticks, a.step_size_lots, a.size_min_lots = 10**8, 1, 1, 1
        i = self.intent
        i.id, i.instrument, i.kind, i.side, i.type, i.time_in_force = (
            7,
            1,
            self.lib.HP_INTENT_PLACE,
            BUY,
            1,
            1,
        )
        i.price_ticks, i.lots, i.recv_ns, i.book_state = (
            600_000,
            10,
            NOW - 1000,
            self.lib.HP_BOOK_SYNCED,
        )
        i.bid_ticks, i.bid_lots, i.ask_ticks, i.ask_lots = 600_000, 5, 600_001, 5
        limits = self.limits
        self.lib.hp_instrument_limits_open(limits)
        limits.strategies = limits.accounts = 1
        limits.kinds = 0b1110
        limits.order_lots_max, limits.position_lots_max, limits.open_orders_max = 100, 1000, 5
        limits.band_bps, limits.stale_ns = 100, 1_000_000
        self.lib.t_put_rule(self.gate, 1, limits)

    def scope(self, dimension):
        """A scope that the intent falls into: account 0, venue 0, strategy 0, instrument 1."""
        number = 1 if dimension == "INSTRUMENT" else 0
        return self.lib.hp_gate_scope(
            self.gate, getattr(self.lib, f"HP_DIMENSION_{dimension}"), number
        )

    def limit(self, dimension, **bounds):
        """Hold a limit in one dimension."""
        scope = self.scope(dimension)
        limit = self.ffi.new("hp_limit_t *", scope.limit)
        limit.dimension = getattr(self.lib, f"HP_DIMENSION_{dimension}")
        limit.id = 1 if dimension == "INSTRUMENT" else 0
        for name, value in bounds.items():
            setattr(limit, name, value)
        assert self.lib.hp_gate_put_limit(self.gate, limit, NOW)
        return scope

    def rule(self, **figures):
        """Hold other figures of the instrument."""
        for name, value in figures.items():
            setattr(self.limits, name, value)
        self.lib.t_put_rule(self.gate, 1, self.limits)

    def order(self, slot=0, side=SELL, price=600_100, lots=10, **fields):
        """An order of ours that works, in the index and in the sums."""
        o = self.slots + slot
        o.client_id, o.instrument, o.side, o.price_ticks, o.lots = slot + 1, 1, side, price, lots
        o.state = self.lib.HP_ORDER_LIVE
        for name, value in fields.items():
            setattr(o, name, value)
        return o

    def rests(self, **fields):
        """Put such an order where the gate looks for it."""
        o = self.order(**fields)
        self.lib.hp_own_add(self.ffi.addressof(self.gate.own), o)
        self.lib.hp_gate_expose(self.gate, self.about, self.exposure, o, 1)
        return o

    def ask(self, now=NOW):
        code = self.lib.hp_gate_check(
            self.gate,
            self.intent,
            self.about,
            self.limits,
            self.position,
            self.exposure,
            now,
            self.verdict,
        )
        assert self.verdict.verdict == code
        return code


def verdict(case, name):
    return getattr(case.lib, f"HP_VERDICT_{name}")


def reducing(case):
    """An intent that can only make a held position smaller."""
    case.position.lots[0] = 50
    case.intent.side, case.intent.reduce_only = SELL, 1
    return case

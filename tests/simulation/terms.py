"""The figures of a story: times, limits, sizes.

Owns:    what a deployment is told and by what it is judged, shorter and smaller than in life, so
         that a story has many ends of them.
Refuses: what differs from seed to seed (shape.py, chance.py).
"""

from __future__ import annotations

from runtime._shm import lib
from tests.simulation.loop import MS, S

SYMBOLS = {1: "BTCUSDT", 2: "ETHUSDT"}
PREFIX = DEPLOYMENT = "sim"
SEGMENT_BYTES, SEGMENT_COUNT = 65536, 20  # of a ring that no story fills
MAIL_BYTES = {"mail.in.0": 1 << 18, "mail.out.0": 1 << 14}
LEASE_MS = 200  # of the leader
HOLDER = b"host:1\0"
READ_LAG_MS, ACK_MS, INQUIRY_MS, DEADLINE_MS = 400, 200, 60, 250
TIMES = {
    "read_lag_ms": READ_LAG_MS,
    "ack_timeout_ms": ACK_MS,
    "inquiry_ms": INQUIRY_MS,
    "deadline_ms": DEADLINE_MS,
    "order_capacity": 256,
}
BOOK_WINDOW_LOG2 = 10
FAULTS_NS = 1800 * MS
ORDERS = 100  # that the strategy of a lane may place
HEAL_NS = 8 * S
DRAIN_NS = 6 * S
LOOKED_AT_NS = 300 * MS  # between two looks of a person at what does not heal by itself
ABANDON_NS = 3 * S
RATE = (40, 20, 5)  # requests a second, burst, reserve
LIMITS = {
    "strategies": 0b1,
    "accounts": 1,
    "order_lots_max": 20,
    "position_lots_max": 45,
    "open_orders_max": 6,
    "band_bps": 200,
    "stale_ms": 400,
}
# of the account, lent by the authority
ACCOUNT = {
    "open_orders_max": 8,
    "gross_notional_e8_max": 8_000 * 10**8,
    "token_rate": RATE[0],
    "token_burst": RATE[1],
    "token_reserve": RATE[2],
}
FLATTEN = {
    "policy": lib.HP_FLATTEN_IOC,
    "band_bps": 50,
    "tries_max": 10,
    "wait_ms": 50,
    "time_ms_max": 2000,
    "slice_e8_max": 0,
}

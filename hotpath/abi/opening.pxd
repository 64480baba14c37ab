# opening.h - what a lane must be told before it may be armed, and what it leaves for its successor.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.page cimport *

cdef extern from "opening.h" nogil:
    enum: HP_BOOKED_PER_MAIL
    enum: HP_CARRIED_KEYS
    enum: HP_STRATEGY_NONE
    enum: HP_BOOKED_ASSET_SHIFT
    cdef enum hp_restart:
        HP_RESTART_CANCEL
        HP_RESTART_ADOPT
    cdef enum hp_base_flag:
        HP_BASE_VENUE
        HP_BASE_FROM_VENUE
    cdef enum hp_booked_flag:
        HP_BOOKED_IN_BASE
        HP_BOOKED_MISSED
        HP_BOOKED_MAKER
    cdef enum hp_correction_cause:
        HP_CORRECTION_NONE
        HP_CORRECTION_MISSED_FILL
        HP_CORRECTION_POSITION
        HP_CORRECTION_STRANGER
    ctypedef struct hp_base_t:
        uint32_t instrument
        uint32_t flags
        uint64_t trade_cut
        hp_lane_position_t position
        int64_t venue_lots[3]
        int64_t venue_cost_e8[3]
    ctypedef struct hp_booked_t:
        uint64_t trade_id
        uint64_t client_id
        uint32_t instrument
        uint16_t account
        uint8_t side
        uint8_t position_side
        int64_t price_ticks
        int64_t lots
        int64_t fee_e8
        int64_t pnl_e8
        uint32_t flags
        uint32_t rank
    ctypedef struct hp_opening_t:
        uint64_t generation
        uint32_t base_count
        uint32_t booked_count
        uint32_t order_count
        uint32_t policy
        uint64_t orders
        uint64_t refused
        uint64_t fills
        uint64_t fills_buy
        uint64_t fills_sell
    ctypedef struct hp_correction_t:
        uint32_t instrument
        uint32_t position_side
        uint32_t cause
        uint32_t pad0
        uint64_t trade_id
        int64_t lots_before
        int64_t lots_after
        int64_t cost_before_e8
        int64_t cost_after_e8
        uint64_t pad1

# limit_use.h - what a lane says of its leased limits: what it holds of each, in the authority's terms.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint8_t
from hotpath.abi.limit cimport *

cdef extern from "limit_use.h" nogil:
    enum: HP_LEASED_LIMITS_MAX
    ctypedef struct hp_limit_use_t:
        uint32_t dimension
        uint32_t id
        int64_t net_e8
        int64_t gross_e8
        int64_t open_orders
        int64_t pnl_e8
        int64_t day_pnl_e8
        int64_t refused
        uint8_t pad[8]
    ctypedef struct hp_limit_row_t:
        uint32_t dimension
        uint32_t id
        int64_t net_e8_max
        int64_t gross_e8_max
        int64_t open_max
        int64_t net_e8
        int64_t gross_e8
        int64_t open_orders
        int64_t day_pnl_e8
        int64_t daily_loss_e8_max
        int64_t drawdown_bps
        int64_t drawdown_bps_max
        int64_t net_used_e8
        int64_t gross_used_e8
        int64_t open_used
        uint32_t is_frozen
        uint32_t lane_count
        uint8_t pad[8]

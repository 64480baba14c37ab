# codec.h - how a lane knows a venue: one table of functions.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.event cimport *
from hotpath.abi.instrument cimport *
from hotpath.abi.order cimport *

cdef extern from "codec.h" nogil:
    enum: HP_CODEC_LAYOUT
    enum: HP_REQUEST_BYTES_MAX
    cdef enum hp_request_kind:
        HP_REQUEST_NONE
        HP_REQUEST_PLACE
        HP_REQUEST_CANCEL
        HP_REQUEST_STATUS
        HP_REQUEST_LOGON
        HP_REQUEST_REPLACE
    ctypedef struct hp_request_t:
        uint64_t request_id
        uint64_t client_id
        uint64_t venue_id
        uint64_t timestamp_ms
        uint64_t deadline_ms
        uint32_t instrument
        uint8_t kind
        uint8_t side
        uint8_t position_side
        uint8_t type
        uint8_t time_in_force
        uint8_t post_only
        uint8_t reduce_only
        uint8_t self_trade_mode
        int32_t pad
        int64_t price_ticks
        int64_t lots
    ctypedef struct hp_codec_t:
        uint32_t layout
        uint32_t venue
        const char *name
        void *state
        int (*decode)(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels) noexcept nogil
        int (*decode_general)(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels) noexcept nogil
        int (*next)(void *state, hp_event_t *event) noexcept nogil
        int (*decode_snapshot)(void *state, uint32_t instrument, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels) noexcept nogil
        int (*decode_reports)(void *state, const char *data, size_t size, hp_report_t *reports, int max) noexcept nogil
        size_t (*encode)(void *state, const hp_request_t *request, char *to, size_t room) noexcept nogil
        int (*put_instrument)(void *state, const hp_instrument_t *instrument) noexcept nogil
        void (*finer)(void *state, uint32_t *instrument, int *price_decimals, int *size_decimals) noexcept nogil
        void (*symbol)(void *state, const char **text, size_t *size) noexcept nogil
        uint32_t sequence_rule
        uint32_t depth_kept

# general.h - the general reader: any JSON text, read by a venue's table of fields.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.event cimport hp_levels_t
from hotpath.decode.symbols cimport hp_symbol_t, hp_symbols_t

cdef extern from "hotpath/decode/general.h" nogil:
    enum: HP_JSON_SLOTS_MAX
    cdef enum hp_json_type:
        HP_JSON_ANY
        HP_JSON_TEXT
        HP_JSON_KIND
        HP_JSON_SYMBOL
        HP_JSON_WHOLE
        HP_JSON_TIME_MS
        HP_JSON_BOOL
        HP_JSON_PRICE
        HP_JSON_SIZE
        HP_JSON_MONEY
        HP_JSON_BIDS
        HP_JSON_ASKS
        HP_JSON_OBJECT
        HP_JSON_ROWS
        HP_JSON_GROUPS
        HP_JSON_CHOSEN
        HP_JSON_TIME
    cdef enum hp_json_flag:
        HP_JSON_REQUIRED
        HP_JSON_SIGNED
        HP_JSON_EMPTY
        HP_JSON_ROUND
        HP_JSON_LATER
        HP_JSON_LOOSE
        HP_JSON_APART
        HP_JSON_QUOTED
    ctypedef struct hp_json_field_t:
        const char *key
        uint8_t type
        uint8_t flags
        uint8_t slot
        uint8_t shape
    ctypedef struct hp_json_shape_t:
        const char *kind
        const hp_json_field_t *fields
        uint32_t count
        uint32_t number
    ctypedef struct hp_json_value_t:
        int64_t number
        const char *text
        size_t size
    ctypedef struct hp_json_values_t:
        uint32_t kind
        uint32_t group
        uint32_t bid_count
        uint32_t ask_count
        int (*row)(void *context, hp_json_values_t *values, uint32_t shape) noexcept nogil
        void *context
        hp_json_value_t *at
    ctypedef struct hp_json_plan_t:
        pass
    ctypedef struct hp_json_reader_t:
        pass
    ctypedef struct hp_json_face_t:
        hp_json_plan_t *(*plan)(const hp_json_shape_t *shapes, uint32_t count) noexcept nogil
        void (*plan_free)(hp_json_plan_t *plan) noexcept nogil
        hp_json_reader_t *(*open)(size_t frame_bytes_max) noexcept nogil
        void (*close)(hp_json_reader_t *reader) noexcept nogil
        int (*read)(hp_json_reader_t *reader, const hp_json_plan_t *plan, uint32_t root,
                    const hp_symbols_t *symbols, const hp_symbol_t *symbol,
                    const char *text, size_t size, hp_levels_t *levels,
                    hp_json_values_t *values) noexcept nogil
        const char *(*kernel)() noexcept nogil
    const hp_json_face_t *hp_json_face()
    int hp_json_seen(const hp_json_values_t *values, unsigned slot)

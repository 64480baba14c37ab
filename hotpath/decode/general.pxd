# general.h - the general reader: any JSON text, read by a venue's table of fields.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.event cimport hp_levels_t
from hotpath.decode.symbols cimport hp_symbol_t, hp_symbols_t

cdef extern from "hotpath/decode/general.h" nogil:
    enum: HP_JSON_SLOTS_MAX
    ctypedef struct hp_json_shape_t:
        pass
    ctypedef struct hp_json_values_t:
        pass
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

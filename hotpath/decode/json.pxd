# The one library with simdjson in it; venues' codecs reach the general reader through this face.

from hotpath.abi.event cimport hp_event_t, hp_levels_t
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t

cdef const hp_json_face_t *face() noexcept nogil
cdef dict event_as_dict(const hp_event_t *event, const hp_levels_t *levels)


cdef class Reader:
    cdef hp_json_reader_t *reader  # owned; one document at a time: one serves a whole lane

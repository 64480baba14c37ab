# lane.pxd - the owner of a lane's memory.

from libc.stdint cimport uint32_t, uint64_t

from hotpath.lane.core cimport hp_lane_instrument_t, hp_lane_t


cdef class Lane:
    cdef hp_lane_t core
    cdef void *_memory              # everything the lane allocates, in one piece
    cdef size_t _memory_bytes
    cdef readonly object codec      # keeps the venue's table alive
    cdef readonly list strategies
    cdef object _page_map, _journal_map
    cdef Py_buffer _page_view
    cdef Py_buffer _journal_view
    cdef bint _has_page, _has_journal

    cdef void make_arbiter(self, hp_lane_instrument_t *i) except *
    cdef void make_book(self, hp_lane_instrument_t *i, uint32_t window_log2) except *
    cdef object note_strategy(self, uint32_t number, uint32_t account, str name)
    cdef void set_now(self, uint64_t now_ns) noexcept nogil

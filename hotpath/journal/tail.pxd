# tail.pxd - bytes that stay where they are while compiled code reads records in them.

from libc.stdint cimport uint64_t

from hotpath.journal.reader cimport hp_scanner_t


cdef class Bytes:
    cdef Py_buffer view
    cdef bint has_view

    cdef hp_scanner_t scanner(self, uint64_t offset, uint64_t sequence) except *
    cdef bint holds(self, const void *at) noexcept

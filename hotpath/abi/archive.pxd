# archive.h - a block of an archived journal, as it stands in the chain of its lane epoch.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t, uint64_t, uint8_t

cdef extern from "archive.h" nogil:
    enum: HP_ARCHIVE_LAYOUT
    const uint64_t HP_ARCHIVE_BLOCK_MAGIC
    ctypedef struct hp_archive_block_t:
        uint64_t magic
        uint32_t layout
        uint32_t lane
        uint64_t epoch
        uint64_t index
        uint64_t segment
        uint64_t offset
        uint64_t length
        uint64_t first_sequence
        uint64_t last_sequence
        uint64_t lost
        uint64_t real_ns
        uint8_t pad[8]
        uint8_t previous[32]
        uint8_t sha256[32]

# crc32c.h - CRC-32C (Castagnoli) by the SSE4.2 instruction, part of x86-64-v2.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t

cdef extern from "crc32c.h" nogil:
    uint32_t hp_crc32c(uint32_t crc, const void *data, size_t size) noexcept nogil

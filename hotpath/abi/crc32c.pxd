# crc32c.h - CRC-32C (Castagnoli) by the SSE4.2 instruction, part of x86-64-v2.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "crc32c.h" nogil:
    enum: HP_CRC32C_THIRD
    enum: HP_CRC32C_HEAD
    uint64_t hp_crc32c_word(uint64_t c, const unsigned char *p) noexcept nogil
    uint32_t hp_crc32c_move(const uint32_t far[8][16], uint32_t c) noexcept nogil
    uint64_t hp_crc32c_join(uint64_t first, uint64_t second, uint64_t third) noexcept nogil
    uint64_t hp_crc32c_take(uint64_t c, const unsigned char *p, size_t size) noexcept nogil
    uint32_t hp_crc32c(uint32_t crc, const void *data, size_t size) noexcept nogil
    uint32_t hp_crc32c_pair(const void *head, const void *data, size_t size) noexcept nogil

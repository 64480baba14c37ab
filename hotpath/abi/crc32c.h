/* crc32c.h - CRC-32C (Castagnoli) by the SSE4.2 instruction, part of x86-64-v2.
 *
 * Owns:    the checksum of journal records.
 * Refuses: being a hash against tampering (the archiver's SHA-256 chain is). */
#ifndef HP_CRC32C_H
#define HP_CRC32C_H

#include <nmmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Continue `crc` (start with 0) over `size` bytes. */
static inline uint32_t hp_crc32c(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    uint64_t c = ~crc & 0xffffffffu;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
        p += 8;
        size -= 8;
    }
    while (size-- > 0) c = _mm_crc32_u8((uint32_t)c, *p++);
    return ~(uint32_t)c;
}

#endif

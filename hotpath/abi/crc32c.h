/* crc32c.h - CRC-32C (Castagnoli) by the SSE4.2 instruction, part of x86-64-v2.
 *
 * Owns:    the checksum of journal records.
 * Refuses: being a hash against tampering (the archiver's SHA-256 chain is).
 *
 * The instruction takes one word a cycle, but its answer comes after three: one chain over a record
 * of 296 bytes waits most of the time.  So three chains run side by side over thirds of 96 bytes, and
 * the first two are moved on over what the others took: that is linear in the 32 bits, and looked up
 * four bits at a time.  A record of 256 bytes is then one such step and a word, its header included.
 * Thirds of 32 or 48 bytes for shorter records were tried: no time was left over for 64 to 200 bytes. */
#ifndef HP_CRC32C_H
#define HP_CRC32C_H

#include <nmmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HP_CRC32C_THIRD 96u
#define HP_CRC32C_HEAD 40u  /* of a pair: the header of a journal record */

/* What four bits of a checksum become when two thirds of zeros follow, or one: [][nibble][bits].
 * tests/abi/test_crc32c.py makes it again from the polynomial. */
static const uint32_t hp_crc32c_far[2][8][16] = {
    { /* 192 bytes */
        { 0x00000000, 0xa87ab8a8, 0x551907a1, 0xfd63bf09, 0xaa320f42, 0x0248b7ea, 0xff2b08e3, 0x5751b04b,
          0x51886875, 0xf9f2d0dd, 0x04916fd4, 0xacebd77c, 0xfbba6737, 0x53c0df9f, 0xaea36096, 0x06d9d83e },
        { 0x00000000, 0xa310d0ea, 0x43cdd725, 0xe0dd07cf, 0x879bae4a, 0x248b7ea0, 0xc456796f, 0x6746a985,
          0x0adb2a65, 0xa9cbfa8f, 0x4916fd40, 0xea062daa, 0x8d40842f, 0x2e5054c5, 0xce8d530a, 0x6d9d83e0 },
        { 0x00000000, 0x15b654ca, 0x2b6ca994, 0x3edafd5e, 0x56d95328, 0x436f07e2, 0x7db5fabc, 0x6803ae76,
          0xadb2a650, 0xb804f29a, 0x86de0fc4, 0x93685b0e, 0xfb6bf578, 0xeedda1b2, 0xd0075cec, 0xc5b10826 },
        { 0x00000000, 0x5e893a51, 0xbd1274a2, 0xe39b4ef3, 0x7fc89fb5, 0x2141a5e4, 0xc2daeb17, 0x9c53d146,
          0xff913f6a, 0xa118053b, 0x42834bc8, 0x1c0a7199, 0x8059a0df, 0xded09a8e, 0x3d4bd47d, 0x63c2ee2c },
        { 0x00000000, 0xface0825, 0xf07066bb, 0x0abe6e9e, 0xe50cbb87, 0x1fc2b3a2, 0x157cdd3c, 0xefb2d519,
          0xcff501ff, 0x353b09da, 0x3f856744, 0xc54b6f61, 0x2af9ba78, 0xd037b25d, 0xda89dcc3, 0x2047d4e6 },
        { 0x00000000, 0x9a06750f, 0x31e09cef, 0xabe6e9e0, 0x63c139de, 0xf9c74cd1, 0x5221a531, 0xc827d03e,
          0xc78273bc, 0x5d8406b3, 0xf662ef53, 0x6c649a5c, 0xa4434a62, 0x3e453f6d, 0x95a3d68d, 0x0fa5a382 },
        { 0x00000000, 0x8ae89189, 0x103d55e3, 0x9ad5c46a, 0x207aabc6, 0xaa923a4f, 0x3047fe25, 0xbaaf6fac,
          0x40f5578c, 0xca1dc605, 0x50c8026f, 0xda2093e6, 0x608ffc4a, 0xea676dc3, 0x70b2a9a9, 0xfa5a3820 },
        { 0x00000000, 0x81eaaf18, 0x063928c1, 0x87d387d9, 0x0c725182, 0x8d98fe9a, 0x0a4b7943, 0x8ba1d65b,
          0x18e4a304, 0x990e0c1c, 0x1edd8bc5, 0x9f3724dd, 0x1496f286, 0x957c5d9e, 0x12afda47, 0x9345755f }
    },
    { /* 96 bytes */
        { 0x00000000, 0xc49f4f67, 0x8cd2e83f, 0x484da758, 0x1c49a68f, 0xd8d6e9e8, 0x909b4eb0, 0x540401d7,
          0x38934d1e, 0xfc0c0279, 0xb441a521, 0x70deea46, 0x24daeb91, 0xe045a4f6, 0xa80803ae, 0x6c974cc9 },
        { 0x00000000, 0x71269a3c, 0xe24d3478, 0x936bae44, 0xc1761e01, 0xb050843d, 0x233b2a79, 0x521db045,
          0x87004af3, 0xf626d0cf, 0x654d7e8b, 0x146be4b7, 0x467654f2, 0x3750cece, 0xa43b608a, 0xd51dfab6 },
        { 0x00000000, 0x0bece317, 0x17d9c62e, 0x1c352539, 0x2fb38c5c, 0x245f6f4b, 0x386a4a72, 0x3386a965,
          0x5f6718b8, 0x548bfbaf, 0x48bede96, 0x43523d81, 0x70d494e4, 0x7b3877f3, 0x670d52ca, 0x6ce1b1dd },
        { 0x00000000, 0xbece3170, 0x78701411, 0xc6be2561, 0xf0e02822, 0x4e2e1952, 0x88903c33, 0x365e0d43,
          0xe42c26b5, 0x5ae217c5, 0x9c5c32a4, 0x229203d4, 0x14cc0e97, 0xaa023fe7, 0x6cbc1a86, 0xd2722bf6 },
        { 0x00000000, 0xcdb43b9b, 0x9e8401c7, 0x53303a5c, 0x38e4757f, 0xf5504ee4, 0xa66074b8, 0x6bd44f23,
          0x71c8eafe, 0xbc7cd165, 0xef4ceb39, 0x22f8d0a2, 0x492c9f81, 0x8498a41a, 0xd7a89e46, 0x1a1ca5dd },
        { 0x00000000, 0xe391d5fc, 0xc2cfdd09, 0x215e08f5, 0x8073cce3, 0x63e2191f, 0x42bc11ea, 0xa12dc416,
          0x050bef37, 0xe69a3acb, 0xc7c4323e, 0x2455e7c2, 0x857823d4, 0x66e9f628, 0x47b7fedd, 0xa4262b21 },
        { 0x00000000, 0x0a17de6e, 0x142fbcdc, 0x1e3862b2, 0x285f79b8, 0x2248a7d6, 0x3c70c564, 0x36671b0a,
          0x50bef370, 0x5aa92d1e, 0x44914fac, 0x4e8691c2, 0x78e18ac8, 0x72f654a6, 0x6cce3614, 0x66d9e87a },
        { 0x00000000, 0xa17de6e0, 0x4717bb31, 0xe66a5dd1, 0x8e2f7662, 0x2f529082, 0xc938cd53, 0x68452bb3,
          0x19b29a35, 0xb8cf7cd5, 0x5ea52104, 0xffd8c7e4, 0x979dec57, 0x36e00ab7, 0xd08a5766, 0x71f7b186 }
    }
};

static inline uint64_t hp_crc32c_word(uint64_t c, const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return _mm_crc32_u64(c, word);
}

static inline uint32_t hp_crc32c_move(const uint32_t far[8][16], uint32_t c)
{
    return (far[0][c & 15] ^ far[1][c >> 4 & 15]) ^ (far[2][c >> 8 & 15] ^ far[3][c >> 12 & 15]) ^
           (far[4][c >> 16 & 15] ^ far[5][c >> 20 & 15]) ^ (far[6][c >> 24 & 15] ^ far[7][c >> 28]);
}

/* The three chains as one, behind their thirds. */
static inline uint64_t hp_crc32c_join(uint64_t first, uint64_t second, uint64_t third)
{
    return hp_crc32c_move(hp_crc32c_far[0], (uint32_t)first) ^
           hp_crc32c_move(hp_crc32c_far[1], (uint32_t)second) ^ third;
}

/* Take `size` bytes into the register. */
static inline uint64_t hp_crc32c_take(uint64_t c, const unsigned char *p, size_t size)
{
    for (; size >= 3 * HP_CRC32C_THIRD; p += 3 * HP_CRC32C_THIRD, size -= 3 * HP_CRC32C_THIRD) {
        uint64_t second = 0, third = 0;
        for (size_t at = 0; at < HP_CRC32C_THIRD; at += 8) {
            c = hp_crc32c_word(c, p + at);
            second = hp_crc32c_word(second, p + HP_CRC32C_THIRD + at);
            third = hp_crc32c_word(third, p + 2 * HP_CRC32C_THIRD + at);
        }
        c = hp_crc32c_join(c, second, third);
    }
    for (; size >= 8; p += 8, size -= 8) c = hp_crc32c_word(c, p);
    if (size & 4) {
        uint32_t half;
        memcpy(&half, p, sizeof half);
        c = _mm_crc32_u32((uint32_t)c, half);
        p += sizeof half;
    }
    for (size &= 3; size > 0; size--) c = _mm_crc32_u8((uint32_t)c, *p++);
    return c;
}

/* Continue `crc` (start with 0) over `size` bytes. */
static inline uint32_t hp_crc32c(uint32_t crc, const void *data, size_t size)
{
    return ~(uint32_t)hp_crc32c_take(~crc & 0xffffffffu, (const unsigned char *)data, size);
}

/* Checksum of a header of HP_CRC32C_HEAD bytes and of `size` bytes that belong behind it, wherever they
 * stand: a writer reads its source, not the copy whose stores may still wait for their line. */
static inline uint32_t hp_crc32c_pair(const void *head, const void *data, size_t size)
{
    const size_t rest = HP_CRC32C_THIRD - HP_CRC32C_HEAD; /* of the first third, behind the header */
    const unsigned char *h = (const unsigned char *)head, *p = (const unsigned char *)data;
    uint64_t c = 0xffffffffu, second = 0, third = 0;
    for (size_t at = 0; at < HP_CRC32C_HEAD; at += 8) c = hp_crc32c_word(c, h + at);
    if (size < rest + 2 * HP_CRC32C_THIRD) return ~(uint32_t)hp_crc32c_take(c, p, size);
    size_t at = 0;
    for (; at < rest; at += 8) {
        c = hp_crc32c_word(c, p + at);
        second = hp_crc32c_word(second, p + rest + at);
        third = hp_crc32c_word(third, p + rest + HP_CRC32C_THIRD + at);
    }
    for (; at < HP_CRC32C_THIRD; at += 8) {
        second = hp_crc32c_word(second, p + rest + at);
        third = hp_crc32c_word(third, p + rest + HP_CRC32C_THIRD + at);
    }
    c = hp_crc32c_join(c, second, third);
    return ~(uint32_t)hp_crc32c_take(c, p + rest + 2 * HP_CRC32C_THIRD, size - rest - 2 * HP_CRC32C_THIRD);
}

#endif

/* checksum.h - the venue's checksum over a book, from our integers.
 *
 * Owns:    the text that HP_CHECKSUM_TOP25 sums up, its CRC-32, the verdict on a book.
 * Refuses: numbers whose text integers do not give back (odd_text): such a book is not judged.
 *
 * The venue sums the texts that it sent: best bid price:size, best ask price:size, second bid, and
 * so on, 25 levels a side, the longer side alone where the other one ends.  It sends numbers in
 * their shortest form ("30261", "5.16"), which ticks and lots give back exactly.  Not so "5.160":
 * the codec says so in the event, and from then on the book is not judged until a snapshot without
 * such numbers comes; it is counted. */
#ifndef HP_BOOK_CHECKSUM_H
#define HP_BOOK_CHECKSUM_H

#include "fixed.h"
#include "hotpath/book/l2.h"

#define HP_CHECKSUM_LEVELS 25
#define HP_SHORTEST_BYTES_MAX 24 /* 19 digits, a point, a zero before it */

/* The reflected polynomial 0xedb88320, a nibble at a time. */
static inline uint32_t hp_crc32(const char *text, size_t size)
{
    static const uint32_t step[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158,
        0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4,
        0xa00ae278, 0xbdbdf21c };
    uint32_t crc = 0xffffffff;
    for (size_t n = 0; n < size; n++) {
        crc ^= (uint8_t)text[n];
        crc = crc >> 4 ^ step[crc & 15];
        crc = crc >> 4 ^ step[crc & 15];
    }
    return ~crc;
}

/* value / 10^decimals in its shortest form; value is 0 or more.  Returns one past the text. */
static inline char *hp_put_shortest(char *to, int64_t value, int decimals)
{
    char digits[HP_SHORTEST_BYTES_MAX + HP_DECIMALS_MAX];
    int count = 0;
    while (decimals > 0 && value % 10 == 0) value /= 10, decimals--;
    for (; value != 0 || count <= decimals; value /= 10) digits[count++] = (char)('0' + value % 10);
    while (count > 0) {
        *to++ = digits[--count];
        if (count == decimals && count > 0) *to++ = '.';
    }
    return to;
}

/* The text of the best levels in turn; returns its size.  `to`: HP_CHECKSUM_BYTES_MAX. */
#define HP_CHECKSUM_BYTES_MAX (4 * HP_CHECKSUM_LEVELS * (HP_SHORTEST_BYTES_MAX + 1))
static inline size_t hp_checksum_text(const hp_l2_t *l2, int price_decimals, int size_decimals,
                                      char *to)
{
    hp_level_t sides[2][HP_CHECKSUM_LEVELS];
    const size_t bids = hp_ladder_copy(&l2->bid, sides[0], HP_CHECKSUM_LEVELS);
    const size_t asks = hp_ladder_copy(&l2->ask, sides[1], HP_CHECKSUM_LEVELS);
    char *p = to;
    for (size_t n = 0; n < HP_CHECKSUM_LEVELS; n++) {
        for (int side = 0; side < 2; side++) {
            if (n >= (side ? asks : bids)) continue;
            if (p != to) *p++ = ':';
            p = hp_put_shortest(p, sides[side][n].price_ticks, price_decimals);
            *p++ = ':';
            p = hp_put_shortest(p, sides[side][n].lots, size_decimals);
        }
    }
    return (size_t)(p - to);
}

/* Does the book say what the venue summed up? */
__attribute__((noinline, unused))
static int hp_checksum_holds(const hp_l2_t *l2, const hp_event_depth_t *said)
{
    char text[HP_CHECKSUM_BYTES_MAX];
    const size_t size =
        hp_checksum_text(l2, said->price_decimals, said->size_decimals, text);
    return hp_crc32(text, size) == said->checksum;
}

#endif

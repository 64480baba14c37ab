/* archive.h - a block of an archived journal, as it stands in the chain of its lane epoch.
 *
 * Owns:    the block's header; a chain file is these headers, one behind the other.
 * Refuses: hashing, signing, files (runtime/journal/chain.py).
 *
 * A block is whole records of one segment (with the segment's header when it begins there): the unit of
 * hash, signature and replication.  Its hash is SHA-256 of these 160 bytes, and the next header repeats
 * it as `previous`; the first of an epoch repeats the last of the lane's epoch before, zeros when there
 * is none.
 *
 *   0     8      12   16    24    32      40     48     56             64            72   80      88   96       128    160
 *   +-----+------+----+-----+-----+-------+------+------+--------------+-------------+----+-------+----+--------+------+
 *   |magic|layout|lane|epoch|index|segment|offset|length|first_sequence|last_sequence|lost|real_ns|pad |previous|sha256|
 *   +-----+------+----+-----+-----+-------+------+------+--------------+-------------+----+-------+----+--------+------+
 */
#ifndef HP_ARCHIVE_H
#define HP_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_ARCHIVE_LAYOUT 1

typedef struct hp_archive_block {
    uint64_t magic;           /* "HPBLOCK1" */
    uint32_t layout;          /* HP_ARCHIVE_LAYOUT */
    uint32_t lane;
    uint64_t epoch;
    uint64_t index;           /* of the block, from 0, per lane and epoch */
    uint64_t segment;         /* whose file holds the bytes */
    uint64_t offset;          /* of the first byte in it */
    uint64_t length;          /* bytes */
    uint64_t first_sequence;  /* of its first record */
    uint64_t last_sequence;
    uint64_t lost;            /* records that were overwritten before this block could be copied */
    uint64_t real_ns;         /* CLOCK_REALTIME when it was cut */
    uint8_t  pad[8];
    uint8_t  previous[32];    /* hash of the block before */
    uint8_t  sha256[32];      /* of the bytes */
} hp_archive_block_t;
/* cffi:end */
HP_SIZE(hp_archive_block_t, 160);
HP_FIELD(hp_archive_block_t, previous, 96);

#define HP_ARCHIVE_BLOCK_MAGIC 0x314b434f4c425048ull /* "HPBLOCK1" */

#endif

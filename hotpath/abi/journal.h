/* journal.h - bytes of the event journal: file header, segment header, record.
 *
 * Owns:    the formats and the record kinds.
 * Refuses: appending and reading (hotpath/journal), disk (the archiver), meaning of payloads.
 *
 * A journal ring is one memory-backed file: a 4096-byte head page, then `segment_count` segments of
 * `segment_bytes`, recycled in turn.  Writer: the lane.  Readers: tailers in other processes, who copy
 * behind `published` and check the record's sequence and CRC: overwritten bytes show as a wrong one.
 *
 * Segment header, 128 bytes at the start of each segment.  Record, 40 bytes before its payload:
 *
 *   0      4     6     7      8         16       24       32      36     40
 *   +------+-----+-----+------+---------+--------+--------+-------+------+----------------+
 *   |length|kind |lane |flags |sequence |recv_ns |mono_ns |crc32c | aux  | payload, pad 8 |
 *   +------+-----+-----+------+---------+--------+--------+-------+------+----------------+
 *
 * crc32c covers the 40 bytes with the field itself as 0, and the payload.  A record never straddles
 * segments: kind 0 (in eight zero bytes) at a record position ends the segment early. */
#ifndef HP_JOURNAL_FORMAT_H
#define HP_JOURNAL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_JOURNAL_LAYOUT 1
#define HP_JOURNAL_HEAD_BYTES 4096

/* Inputs below 64, outputs from 64 on. */
enum hp_record_kind {
    HP_RECORD_END = 0,
    HP_RECORD_CLOCK = 1,        /* MONOTONIC, REALTIME, uncertainty: opens a segment, repeats each second */
    HP_RECORD_INSTRUMENT = 2,   /* hp_instrument_t, before first use and at each change */
    HP_RECORD_FRAME = 3,        /* market frame as received; aux = socket */
    HP_RECORD_REPORT_FRAME = 4, /* order or user-data frame as received; aux = socket */
    HP_RECORD_TIMER = 5,
    HP_RECORD_COMMAND = 6,
    HP_RECORD_WORDS = 7,        /* shared words when they changed; aux = enum hp_words_of */
    HP_RECORD_SNAPSHOT = 8,     /* REST book snapshot handed in by the cold side; aux = instrument */
    HP_RECORD_SESSION = 9,      /* socket opened, closed, logged on */
    HP_RECORD_LIMITS = 10,
    HP_RECORD_SIGNAL = 11,      /* cold strategies' input */
    HP_RECORD_POSITION = 12,    /* opening position or balance from the venue, by the cold side */
    HP_RECORD_STREAM = 13,      /* hp_stream_rule_t; aux = instrument */
    HP_RECORD_SANITY = 14,      /* hp_sanity_rule_t; aux = instrument */
    HP_RECORD_SPARE = 15,       /* poll of the spare source; aux = instrument, recv_ns = when it was asked for */
    HP_RECORD_LANE = 16,        /* JSON: what this lane was built of; before everything but the first CLOCK */
    HP_RECORD_INTENT = 64,      /* hp_intent_t */
    HP_RECORD_VERDICT = 65,     /* hp_verdict_t */
    HP_RECORD_REQUEST = 66,     /* request payload before the WebSocket mask */
    HP_RECORD_ORDER = 67,       /* hp_order_t after a transition */
    HP_RECORD_FILL = 68,        /* hp_report_t that moved a position */
    HP_RECORD_CORRECTION = 69,
    HP_RECORD_RESYNC = 70,      /* book gapped and asked for a snapshot; aux = instrument */
    HP_RECORD_FEED = 71         /* hp_feed_event_t: what was wrong with a feed, and its end; aux = instrument */
};

/* Whose words a WORDS record holds. */
enum hp_words_of {
    HP_WORDS_CONTROL = 0,       /* u32, OR of the control words */
    HP_WORDS_CLOCK = 1          /* hp_time_record_t */
};

typedef struct hp_journal_record {
    uint32_t length;         /* payload bytes */
    uint16_t kind;           /* enum hp_record_kind; 0 = no record */
    uint8_t  lane;
    uint8_t  flags;
    uint64_t sequence;       /* dense per lane and epoch, from 1 */
    uint64_t recv_ns;        /* CLOCK_MONOTONIC of the causing read; 0 = none */
    uint64_t mono_ns;        /* CLOCK_MONOTONIC of the turn */
    uint32_t crc32c;
    uint32_t aux;
} hp_journal_record_t;

typedef struct hp_journal_segment {
    uint64_t magic;          /* "HPJSEG01" */
    uint32_t layout;         /* HP_JOURNAL_LAYOUT */
    uint32_t lane;
    uint64_t epoch;
    uint64_t number;         /* of the segment, from 0, per lane and epoch */
    uint64_t first_sequence;
    uint64_t segment_bytes;
    uint64_t build_id;
    uint64_t opened_mono_ns;
    uint64_t opened_real_ns; /* CLOCK_REALTIME at the same moment */
    uint64_t fingerprint;    /* of the host baseline; 0 = not taken */
    uint8_t  pad[44];
    uint32_t crc32c;         /* of the 124 bytes before */
} hp_journal_segment_t;

typedef struct hp_journal_clock { /* payload of CLOCK */
    uint64_t mono_ns;
    uint64_t real_ns;
    uint64_t uncertainty_ns; /* of real_ns; UINT64_MAX = nobody vouches for it */
    uint64_t tsc;
} hp_journal_clock_t;

typedef struct hp_journal_head { /* head page of the ring file, behind hp_page_t */
    uint64_t segment_bytes;
    uint64_t segment_count;
    uint64_t epoch;
    uint64_t published;      /* bytes ever published, segment headers and slack included */
    uint64_t sequence;       /* last published record */
    uint64_t overwritten;    /* segments recycled without an archiver's copy */
    uint64_t archived;       /* archiver's watermark in bytes; UINT64_MAX = no archiver */
    uint64_t fingerprint;    /* of the host baseline, by the maker of the ring; 0 = not taken */
} hp_journal_head_t;
/* cffi:end */
HP_SIZE(hp_journal_record_t, 40);
HP_FIELD(hp_journal_record_t, crc32c, 32);
HP_SIZE(hp_journal_segment_t, 128);
HP_FIELD(hp_journal_segment_t, crc32c, 124);
HP_SIZE(hp_journal_clock_t, 32);
HP_SIZE(hp_journal_head_t, 64);

#define HP_JOURNAL_SEGMENT_MAGIC 0x31304745534a5048ull /* "HPJSEG01" */

#endif

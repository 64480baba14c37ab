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
 * segments: kind 0 (in eight zero bytes) at a record position ends the segment early.
 *
 * Of the head page the writer owns the first 128 bytes behind hp_page_t, the archiver the next 128. */
#ifndef HP_JOURNAL_FORMAT_H
#define HP_JOURNAL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_JOURNAL_LAYOUT 1
#define HP_JOURNAL_HEAD_BYTES 4096

/* Inputs below 64, outputs from 64 on: fed the inputs again, a lane gives the same outputs. */
enum hp_record_kind {
    HP_RECORD_END = 0,
    HP_RECORD_CLOCK = 1,        /* MONOTONIC, REALTIME, uncertainty: opens a segment, repeats each second */
    HP_RECORD_INSTRUMENT = 2,   /* hp_instrument_t, before first use and at each change */
    HP_RECORD_FRAME = 3,        /* market frame as received; aux = socket */
    HP_RECORD_REPORT_FRAME = 4, /* order or user-data frame as received; aux = socket */
    HP_RECORD_TIMER = 5,        /* a turn did something by its clock; aux = enum hp_turn_due */
    HP_RECORD_COMMAND = 6,      /* aux = enum hp_command */
    HP_RECORD_WORDS = 7,        /* shared words when they changed; aux = enum hp_words_of */
    HP_RECORD_SNAPSHOT = 8,     /* REST book snapshot handed in by the cold side; aux = instrument */
    HP_RECORD_SESSION = 9,      /* u32 enum hp_session; aux = socket */
    HP_RECORD_LIMITS = 10,      /* hp_limit_t: holds from now on; aux = enum hp_dimension */
    HP_RECORD_SIGNAL = 11,      /* hp_signal_t: toxicity and emergency; aux = instrument, 0 = all */
    HP_RECORD_POSITION = 12,    /* hp_report_t by the cold side: what the venue answered to a question */
    HP_RECORD_STREAM = 13,      /* hp_stream_rule_t; aux = instrument */
    HP_RECORD_SANITY = 14,      /* hp_sanity_rule_t; aux = instrument */
    HP_RECORD_SPARE = 15,       /* poll of the spare source; aux = instrument, recv_ns = when it was asked for */
    HP_RECORD_LANE = 16,        /* JSON: what this lane was built of; before everything but the first CLOCK */
    HP_RECORD_OPENING = 17,     /* aux = enum hp_mail: an opening fact as mailed */
    HP_RECORD_RULE = 18,        /* hp_instrument_limits_t; aux = instrument */
    HP_RECORD_POLICY = 19,      /* hp_gate_rule_t */
    HP_RECORD_PEER = 20,        /* of the other lane of a pair; aux = enum hp_pair_kind */
    HP_RECORD_STRATEGY = 21,    /* u32 callbacks that it has (enum hp_callback), u32 account, name; aux = strategy */
    HP_RECORD_TTL = 23,         /* hp_ttl_rule_t */
    HP_RECORD_CLOSING = 22,     /* hp_flatten_rule_t: positions are closed by it from now on */
    HP_RECORD_QUOTA_RULE = 24,  /* hp_quota_rule_t */
    HP_RECORD_QUOTA = 25,       /* hp_quota_told_t: what the venue said to a cold process, or the configuration */
    HP_RECORD_INTENT = 64,      /* hp_intent_t */
    HP_RECORD_VERDICT = 65,     /* hp_verdict_t */
    HP_RECORD_REQUEST = 66,     /* request payload before the WebSocket mask */
    HP_RECORD_ORDER = 67,       /* hp_order_t after a transition */
    HP_RECORD_FILL = 68,        /* hp_report_t that moved a position */
    HP_RECORD_CORRECTION = 69,
    HP_RECORD_RESYNC = 70,      /* book gapped and asked for a snapshot; aux = instrument */
    HP_RECORD_FEED = 71,        /* hp_feed_event_t: what was wrong with a feed, and its end; aux = instrument */
    HP_RECORD_UNSENT = 80,      /* the session took nothing of the request before it; aux = instrument */
    HP_RECORD_HALT = 81,        /* a strategy failed: its orders are cancelled; aux = strategy */
    HP_RECORD_WISH = 82,        /* an opening is wished for: u64 generation */
    HP_RECORD_FLATTEN = 83,     /* hp_flatten_row_t when its state changed; aux = instrument */
    HP_RECORD_QUOTA_MODE = 84,  /* hp_quota_event_t: another mode holds */
    /* neither input nor output: what a successor needs, repeated in each segment */
    HP_RECORD_CARRY = 128       /* aux = enum hp_mail: the lane's state as opening facts (opening.h) */
};

/* Whose words a WORDS record holds. */
enum hp_words_of {
    HP_WORDS_CONTROL = 0,       /* u32, OR of the control words */
    HP_WORDS_CLOCK = 1,         /* hp_time_record_t */
    HP_WORDS_LIMIT_LEASE = 2,   /* hp_limit_lease_t */
    HP_WORDS_LEADER_LEASE = 3,  /* hp_leader_lease_t */
    HP_WORDS_ARCHIVED = 16      /* u64, the archiver's watermark: it releases parked orders */
};

/* How the archiver stands, by its own word in the ring's head. */
enum hp_archive_state {
    HP_ARCHIVE_NONE = 0,        /* nobody archives this ring */
    HP_ARCHIVE_COPYING = 1,
    HP_ARCHIVE_FULL = 2,        /* the disk has little or no room: no new risk until there is */
    HP_ARCHIVE_FAILED = 3,      /* the disk failed: the archiver has left */
    HP_ARCHIVE_STATE_COUNT = 4
};

/* Sockets of a lane; market sockets count from 0. */
#define HP_SOCKET_ORDER 1000
#define HP_SOCKET_USER 1001

enum hp_session {
    HP_SESSION_CLOSED = 0,
    HP_SESSION_OPEN = 1,
    HP_SESSION_READY = 2,       /* logged on, or its events may be believed */
    HP_SESSION_ASKED = 3,       /* the logon request has been sent */
    HP_SESSION_CURRENT = 4      /* what had waited for READY has been believed too */
};

enum hp_command {
    HP_COMMAND_NONE = 0,
    HP_COMMAND_START = 1,       /* the lane is built: strategies start */
    HP_COMMAND_END = 2,         /* strategies stop */
    HP_COMMAND_OPEN = 3,        /* the opening positions are known */
    HP_COMMAND_SHUT = 4,        /* ... are not: no new risk */
    HP_COMMAND_DRAIN = 5,       /* nobody is there who could: cancel ours and leave */
    HP_COMMAND_WISH = 6         /* a new cold side is there: wish for an opening again */
};

enum hp_turn_due {
    HP_DUE_DECIDE = 1,          /* intents wait */
    HP_DUE_SWEEP = 2,           /* timers of orders and books */
    HP_DUE_STRATEGY = 4         /* strategies' timer */
};

enum hp_callback {
    HP_CALL_BOOK = 1, HP_CALL_TOP = 2, HP_CALL_TRADE = 4, HP_CALL_MARK = 8, HP_CALL_ORDER = 16, HP_CALL_FILL = 32,
    HP_CALL_TIMER = 64, HP_CALL_FEED = 128
};

#define HP_CLOCK_RECORD_PAIR 0    /* aux of CLOCK: both clocks were read */
#define HP_CLOCK_RECORD_OPENING 1 /* extrapolated at the start of a segment */

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
    uint64_t fingerprint;    /* of the host baseline, by the maker of the ring; 0 = not taken */
    uint8_t  pad0[72];
    /* a line pair of the archiver's own */
    uint64_t archived;       /* bytes of `published` that are on disk; UINT64_MAX = no archiver */
    uint32_t archive_state;  /* enum hp_archive_state */
    uint32_t archiver_pid;
    uint64_t checkpoint_real_ns;  /* CLOCK_REALTIME of the newest checkpoint's state; 0 = none */
    uint64_t checkpoint_bytes;    /* size of its file */
    uint64_t checkpoint_ns;       /* how long it took; no lane waited for it */
    uint32_t checkpoints;         /* taken by this archiver */
    uint32_t checkpoint_failures;
    uint8_t  pad1[80];
} hp_journal_head_t;
/* cffi:end */
HP_SIZE(hp_journal_record_t, 40);
HP_FIELD(hp_journal_record_t, crc32c, 32);
HP_SIZE(hp_journal_segment_t, 128);
HP_FIELD(hp_journal_segment_t, crc32c, 124);
HP_SIZE(hp_journal_clock_t, 32);
HP_SIZE(hp_journal_head_t, 256);
HP_FIELD(hp_journal_head_t, archived, 128);

/* Records that give way while the archive lags: a lane that drops one has not acted on it.  The last
 * segment that may still be opened is kept for everything else. */
static inline int hp_record_is_bulk(uint32_t kind)
{
    return kind == HP_RECORD_FRAME || kind == HP_RECORD_SNAPSHOT || kind == HP_RECORD_SPARE;
}

#define HP_JOURNAL_SEGMENT_MAGIC 0x31304745534a5048ull /* "HPJSEG01" */

#endif

/* codec.h - how a lane knows a venue: one table of functions.
 *
 * Owns:    hp_codec_t, the request that an encoder turns into bytes.
 * Refuses: sessions, REST, reference data (the venue's cold half), sockets, clocks.
 *
 * The venue's compiled module fills the table; runtime hands it to the lane.  All functions are
 * noexcept, allocate nothing and keep no pointer into `data` after they return.  `data` is followed by
 * at least HP_FRAME_PAD_BYTES readable bytes. */
#ifndef HP_CODEC_H
#define HP_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "instrument.h"
#include "order.h"

/* cffi:begin */
#define HP_CODEC_LAYOUT 2
#define HP_REQUEST_BYTES_MAX 1024

enum hp_request_kind {
    HP_REQUEST_NONE = 0, HP_REQUEST_PLACE = 1, HP_REQUEST_CANCEL = 2, HP_REQUEST_STATUS = 3,
    HP_REQUEST_LOGON = 4, HP_REQUEST_REPLACE = 5
};

typedef struct hp_request {
    uint64_t request_id;       /* echoed by the venue */
    uint64_t client_id;
    uint64_t venue_id;         /* 0 = not known */
    uint64_t timestamp_ms;     /* UTC as the venue wants it; from Env, never read in the encoder */
    uint64_t deadline_ms;      /* recvWindow and the like; 0 = the venue's default */
    uint32_t instrument;
    uint8_t  kind;             /* enum hp_request_kind */
    uint8_t  side;
    uint8_t  position_side;
    uint8_t  type;
    uint8_t  time_in_force;
    uint8_t  post_only;
    uint8_t  reduce_only;
    uint8_t  self_trade_mode;
    int32_t  pad;
    int64_t  price_ticks;
    int64_t  lots;
} hp_request_t;
/* cffi:end */
HP_SIZE(hp_request_t, 72);

typedef struct hp_codec {
    uint32_t layout;               /* HP_CODEC_LAYOUT */
    uint32_t venue;
    const char *name;
    void *state;                   /* symbols, scales, scratch: owned by the codec object */

    /* Bytes of a market stream to one event.  Shape scanner first, general reader behind it (then
     * HP_EVENT_FALLBACK is set).  Returns enum hp_decode. */
    int (*decode)(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels);
    /* The specification: the general reader alone.  Same answers. */
    int (*decode_general)(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels);
    /* After an event with HP_EVENT_MORE, of either function above: the next one of that frame, in the
     * frame's order.  1, or 0: there is none.  It leaves recv_ns and line as they are; such events
     * have no levels.  NULL where no frame holds several. */
    int (*next)(void *state, hp_event_t *event);
    /* A REST snapshot for a known instrument (the body does not always name its symbol). */
    int (*decode_snapshot)(void *state, uint32_t instrument, const char *data, size_t size,
                           hp_event_t *event, hp_levels_t *levels);

    /* Bytes of an order session or user stream to reports; up to `max` of them.  Returns how many,
     * or -enum hp_decode when the frame is refused. */
    int (*decode_reports)(void *state, const char *data, size_t size, hp_report_t *reports, int max);

    /* A request to bytes; returns the length, 0 when it cannot be said to this venue. */
    size_t (*encode)(void *state, const hp_request_t *request, char *to, size_t room);

    /* Take or replace an instrument (a new scale, new filters).  1, or 0 when the table is full. */
    int (*put_instrument)(void *state, const hp_instrument_t *instrument);
    /* After HP_DECODE_FINER: which instrument, and the decimals that its values need. */
    void (*finer)(void *state, uint32_t *instrument, int *price_decimals, int *size_decimals);
    /* After HP_DECODE_UNKNOWN_SYMBOL: the symbol's text. */
    void (*symbol)(void *state, const char **text, size_t *size);

    /* The book's sequence rule: enum hp_sequence_rule of hotpath/book/rules.h. */
    uint32_t sequence_rule;
    /* Levels a side that the stream keeps up where snapshots stand in it; 0 = all, or not known. */
    uint32_t depth_kept;
} hp_codec_t;

#endif

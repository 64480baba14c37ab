/* market.h - the half of a market codec that venues share.
 *
 * Owns:    hp_market_t: instruments, the general reader with its plan, counters, what finer() and
 *          symbol() are asked, the events of a frame behind its first one.
 * Refuses: shapes, kinds and bytes (the venue's), orders, memory (the owner gives zeroed memory and
 *          a reader that outlives it).
 *
 * A venue's state starts with an hp_market_t, so that a pointer to one is a pointer to the other. */
#ifndef HP_DECODE_MARKET_H
#define HP_DECODE_MARKET_H

#include "codec.h"
#include "hotpath/decode/general.h"

#define HP_MARKET_TEXT_MAX 64

typedef struct hp_market {
    const hp_json_face_t *json;
    hp_json_reader_t *reader;
    hp_json_plan_t *plan;
    hp_scale_t money;                       /* 1e-8 */
    uint64_t status_count[HP_DECODE_COUNT]; /* frames, of decode */
    uint64_t fallback_count;                /* frames with events that the shape scanner did not know */
    uint32_t finer_instrument;              /* the last HP_DECODE_FINER */
    int finer_price, finer_size;
    uint32_t symbol_size;                   /* the last HP_DECODE_UNKNOWN_SYMBOL, cut to fit */
    char symbol_text[HP_MARKET_TEXT_MAX];
    uint32_t more_count, more_next;         /* of more[]: how many, which comes next */
    hp_levels_t *levels;                    /* of the frame that is being read */
    hp_symbols_t symbols;
    hp_json_values_t values;
    hp_event_t more[HP_FRAME_EVENTS_MAX];
} hp_market_t;

/* 1, or 0: memory is out, or the table of fields is none. */
static inline int hp_market_open(hp_market_t *m, const hp_json_face_t *json,
                                 hp_json_reader_t *reader, const hp_json_shape_t *shapes,
                                 uint32_t count)
{
    m->money = hp_symbols_scale(&m->symbols, HP_MONEY_DECIMALS);
    m->json = json;
    m->reader = reader;
    m->plan = json->plan(shapes, count);
    return m->plan != NULL;
}

static inline void hp_market_close(hp_market_t *m)
{
    if (m->json != NULL) m->json->plan_free(m->plan);
}

/* Take or replace an instrument.  NULL: full, or not an instrument.  `*is_new`: it was not known. */
static inline hp_symbol_t *hp_market_put(hp_market_t *m, const hp_instrument_t *instrument,
                                         int *is_new)
{
    for (unsigned n = 0; n < instrument->symbol_length && n < HP_SYMBOL_BYTES; n++) {
        const uint8_t c = (uint8_t)instrument->symbol[n];
        if (c < ' ' || c == '"' || c == '\\') return NULL; /* it is compared as it stands in JSON */
    }
    const uint32_t before = m->symbols.count;
    hp_symbol_t *symbol = hp_symbols_put(&m->symbols, instrument);
    *is_new = m->symbols.count != before;
    return symbol;
}

/* Write all of an event but what the caller knows better: line and recv_ns are left as they are. */
static inline void hp_market_clear(hp_event_t *event, uint8_t kind, uint32_t instrument)
{
    event->kind = kind;
    event->flags = 0;
    event->pad = 0;
    event->instrument = instrument;
    memset(&event->event_ns, 0, sizeof *event - offsetof(hp_event_t, event_ns));
}

/* The same, with what another one says. */
static inline void hp_market_copy(hp_event_t *to, const hp_event_t *from)
{
    to->kind = from->kind;
    to->flags = from->flags;
    to->pad = 0;
    to->instrument = from->instrument;
    memcpy(&to->event_ns, &from->event_ns, sizeof *to - offsetof(hp_event_t, event_ns));
}

/* The top of a book of at most one level a side; an empty side has 0 lots. */
static inline void hp_market_top(hp_event_t *event, const hp_level_t *bid, const hp_level_t *ask)
{
    static const hp_level_t none = { 0, 0 };
    if (bid == NULL) bid = &none;
    if (ask == NULL) ask = &none;
    event->body.top =
        (hp_event_top_t){ bid->price_ticks, bid->lots, ask->price_ticks, ask->lots, { 0 } };
}

/* Room for one more event of the frame, NULL when there is none. */
static inline hp_event_t *hp_market_more(hp_market_t *m, uint8_t kind, uint32_t instrument)
{
    if (HP_UNLIKELY(m->more_count == HP_FRAME_EVENTS_MAX)) return NULL;
    hp_event_t *event = &m->more[m->more_count++];
    hp_market_clear(event, kind, instrument);
    return event;
}

/* The next event of the frame: 1, or 0. */
static inline int hp_market_next(void *opaque, hp_event_t *event)
{
    hp_market_t *m = (hp_market_t *)opaque;
    if (m->more_next >= m->more_count) return 0;
    hp_market_copy(event, &m->more[m->more_next++]);
    if (m->more_next < m->more_count) event->flags |= HP_EVENT_MORE;
    return 1;
}

/* Keep what finer() and symbol() will be asked. */
static inline int hp_market_refuse(hp_market_t *m, int status)
{
    const hp_json_values_t *v = &m->values;
    if (status == HP_DECODE_FINER) {
        m->finer_instrument = v->finer->instrument.id;
        m->finer_price = v->price_needed;
        m->finer_size = v->size_needed;
    } else if (status == HP_DECODE_UNKNOWN_SYMBOL) {
        m->symbol_size = (uint32_t)(v->symbol_size < HP_MARKET_TEXT_MAX ? v->symbol_size
                                                                        : HP_MARKET_TEXT_MAX);
        if (m->symbol_size) memcpy(m->symbol_text, v->symbol_text, m->symbol_size);
    }
    return status;
}

/* Read a frame by the plan's first shape; `row` may fill more[], its context is the state. */
static inline int hp_market_read(hp_market_t *m, int (*row)(void *, hp_json_values_t *, uint32_t),
                                 const char *data, size_t size, hp_levels_t *levels)
{
    m->values.row = row;
    m->values.context = m;
    m->levels = levels;
    m->more_count = m->more_next = 0;
    return m->json->read(m->reader, m->plan, 0, &m->symbols, NULL, data, size, levels, &m->values);
}

/* Shape scanner first (1 = it filled the event), then the specification; what is refused leaves the
 * event as it was. */
static inline __attribute__((always_inline)) int
hp_market_decode(hp_market_t *m,
                 int (*scan)(hp_market_t *, const char *, size_t, hp_event_t *, hp_levels_t *),
                 int (*general)(void *, const char *, size_t, hp_event_t *, hp_levels_t *),
                 const char *data, size_t size, hp_event_t *event, hp_levels_t *levels)
{
    m->more_count = m->more_next = 0;
    int status = scan(m, data, size, event, levels);
    if (HP_UNLIKELY(status == 0)) {
        status = general(m, data, size, event, levels);
        if (status == HP_DECODE_EVENT) {
            event->flags |= HP_EVENT_FALLBACK;
            for (uint32_t n = m->more_next; n < m->more_count; n++)
                m->more[n].flags |= HP_EVENT_FALLBACK;
            m->fallback_count++;
        }
    }
    m->status_count[status]++;
    return status;
}

/* A venue whose snapshots come over the market socket has no REST body to read. */
static inline int hp_market_no_snapshot(void *opaque, uint32_t instrument, const char *data,
                                        size_t size, hp_event_t *event, hp_levels_t *levels)
{
    (void)opaque, (void)instrument, (void)data, (void)size, (void)event, (void)levels;
    return HP_DECODE_UNKNOWN_KIND;
}

static inline int hp_market_no_reports(void *opaque, const char *data, size_t size,
                                       hp_report_t *reports, int max)
{
    (void)opaque, (void)data, (void)size, (void)reports, (void)max;
    return -HP_DECODE_UNKNOWN_KIND;
}

static inline size_t hp_market_no_request(void *opaque, const hp_request_t *request, char *to,
                                          size_t room)
{
    (void)opaque, (void)request, (void)to, (void)room;
    return 0;
}

static inline void hp_market_finer(void *opaque, uint32_t *instrument, int *price_decimals,
                                   int *size_decimals)
{
    const hp_market_t *m = (const hp_market_t *)opaque;
    *instrument = m->finer_instrument;
    *price_decimals = m->finer_price;
    *size_decimals = m->finer_size;
}

static inline void hp_market_symbol(void *opaque, const char **text, size_t *size)
{
    const hp_market_t *m = (const hp_market_t *)opaque;
    *text = m->symbol_text;
    *size = m->symbol_size;
}

/* A table that reads the market and trades nothing; the venue puts in what it adds. */
static inline void hp_market_table(hp_market_t *m, hp_codec_t *table, const char *name,
                                   uint32_t sequence_rule)
{
    memset(table, 0, sizeof *table);
    table->layout = HP_CODEC_LAYOUT;
    table->name = name;
    table->state = m;
    table->next = hp_market_next;
    table->decode_snapshot = hp_market_no_snapshot;
    table->decode_reports = hp_market_no_reports;
    table->encode = hp_market_no_request;
    table->finer = hp_market_finer;
    table->symbol = hp_market_symbol;
    table->sequence_rule = sequence_rule;
    table->depth_kept = 0;
}

#endif

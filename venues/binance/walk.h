/* walk.h - the steps that the family's scanners are made of: names, sides, times, flags, ends.
 *
 * Owns:    each step once, for all members; `who` is a constant where a step is called.
 * Refuses: the messages themselves (shape.h), tools that know no venue (hotpath/decode/scan.h).
 *
 * The walk trusts nothing past `end` but that 64 bytes can be read there: each step reads at most
 * 48 bytes from a position that was checked to be inside. */
#ifndef BINANCE_WALK_H
#define BINANCE_WALK_H

#include "hotpath/decode/levels.h"
#include "venues/binance/state.h"

/* A head may be loaded whole, and 48 bytes behind it. */
#define BINANCE_FRAME_BYTES_MIN 80
#define BINANCE_TIME_MS_MAX (INT64_MAX / 1000000)
#define BINANCE_SCAN static inline __attribute__((always_inline))

static inline int64_t binance_low(__m128i pair) { return _mm_cvtsi128_si64(pair); }
static inline int64_t binance_high(__m128i pair) { return _mm_extract_epi64(pair, 1); }
static inline void binance_store(void *to, __m128i pair) { _mm_storeu_si128((__m128i *)to, pair); }

/* The stream that a frame's head names, or NULL. */
static inline binance_stream_t *binance_find_stream(binance_state_t *state, const char *data)
{
    uint32_t slot = binance_name_hash(data + BINANCE_NAME_AT);
    for (; state->stream_at[slot] != 0; slot = (slot + 1) & (BINANCE_STREAM_SLOTS - 1)) {
        binance_stream_t *stream = &state->streams[state->stream_at[slot] - 1];
        if (HP_LIKELY(hp_equal(data, stream->head, stream->head_size))) return stream;
    }
    return NULL;
}

/* Past ,"s":"BTCUSDT" and perhaps ,"ps":"BTCUSDT"; NULL when it is another. */
BINANCE_SCAN const char *binance_symbol(enum binance_member who, const char *p, const char *end,
                                        const binance_stream_t *stream)
{
    if (HP_UNLIKELY(!hp_equal(p, stream->symbol, stream->symbol_size))) return NULL;
    p += stream->symbol_size;
    if (HP_UNLIKELY(p >= end)) return NULL;
    if (who != BINANCE_SPOT && hp_literal(p, ",\"ps\":\"", 7)) {
        const unsigned size = who == BINANCE_USDM ? stream->symbol_size - 7u : stream->pair_size;
        if (!hp_equal(p + 7, stream->symbol + 6, size) || p[7 + size] != '"') return NULL;
        p += size + 8;
    }
    return p;
}

/* }} or ,"st":1}} and nothing behind it. */
BINANCE_SCAN int binance_tail(enum binance_member who, const char *p, const char *end)
{
    ptrdiff_t left = end - p;
    if (left == 2 && hp_literal(p, "}}", 2)) return 1;
    if (who == BINANCE_SPOT || left != 9) return 0;
    return who == BINANCE_USDM ? hp_literal(p, ",\"st\":1}}", 9) : hp_literal(p, ",\"st\":2}}", 9);
}

/* A time.  Microseconds have 16 digits, one more than the kernel takes; what follows them is looked
 * at by the next step, so a 17th digit is refused there. */
BINANCE_SCAN hp_whole_t binance_time(enum binance_member who, const char *p)
{
    hp_whole_t time = hp_whole_scan(p);
    if (who == BINANCE_SPOT && HP_UNLIKELY(time.size == 0)) {
        __m128i values = _mm_sub_epi8(hp_load16(p), _mm_set1_epi8('0'));
        __m128i good = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
        time.digits = values;
        time.size = _mm_movemask_epi8(good) == 0xffff && *p != '0' ? 16 : 0;
    }
    return time;
}

/* Two times as nanoseconds; 0 = beyond what those hold. */
BINANCE_SCAN int binance_times(enum binance_member who, hp_whole_t first, hp_whole_t second,
                               int64_t *first_ns, int64_t *second_ns)
{
    const __m128i both = hp_whole_pair(first, second);
    const int64_t a = binance_low(both), b = binance_high(both);
    if (who == BINANCE_SPOT && HP_UNLIKELY(first.size > 13 || second.size > 13)) {
        if (first.size != 16 || second.size != 16) return 0; /* rare: the general reader's */
        *first_ns = (int64_t)((uint64_t)a * 1000);
        *second_ns = (int64_t)((uint64_t)b * 1000);
        return a <= INT64_MAX / 1000 && b <= INT64_MAX / 1000;
    }
    *first_ns = (int64_t)((uint64_t)a * 1000000);
    *second_ns = (int64_t)((uint64_t)b * 1000000);
    return a <= BINANCE_TIME_MS_MAX && b <= BINANCE_TIME_MS_MAX;
}

/* true or false, as the flag of the event; NULL when neither. */
static inline const char *binance_maker(const char *p, uint8_t *flags)
{
    int maker = hp_literal(p, "true", 4);
    if (HP_UNLIKELY(!maker && !hp_literal(p, "false", 5))) return NULL;
    *flags = maker ? HP_EVENT_BUYER_MAKER : 0;
    return p + (maker ? 4 : 5);
}

/* Past the maker flag and what spot says behind it; NULL when it is neither. */
BINANCE_SCAN const char *binance_last_flags(enum binance_member who, const char *p, uint8_t *flags)
{
    uint8_t best_match;
    if (HP_UNLIKELY((p = binance_maker(p, flags)) == NULL)) return NULL;
    if (who != BINANCE_SPOT) return p;
    if (HP_UNLIKELY(!hp_literal(p, ",\"M\":", 5))) return NULL;
    return binance_maker(p + 5, &best_match);
}

#endif

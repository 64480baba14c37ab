/* symbols.h - from a symbol's bytes, or an instrument id, to what the lane knows about it.
 *
 * Owns:    the table of one codec: at most HP_SYMBOLS_MAX instruments, open addressing; the
 *          patterns of every scale in use.
 * Refuses: growing, removing (an id is never reused), allocation.
 *
 * Writer: put (start, and between gap and resync).  Text is given with at least 32 readable bytes.
 *         */
#ifndef HP_SYMBOLS_H
#define HP_SYMBOLS_H

#include <smmintrin.h>

#include "instrument.h"
#include "number.h"

#define HP_SYMBOLS_MAX 256
#define HP_SYMBOLS_SLOTS 1024 /* a quarter full at most: probes stay short */

typedef struct hp_symbol {
    hp_scale_t price;
    hp_scale_t size;
    hp_instrument_t instrument;
} hp_symbol_t;

typedef struct hp_symbols {
    uint32_t count;
    uint32_t scales;                            /* bit per decimals: patterns are written */
    uint16_t by_text[HP_SYMBOLS_SLOTS]; /* index + 1, 0 = free */
    uint16_t by_id[HP_SYMBOLS_SLOTS];
    hp_symbol_t at[HP_SYMBOLS_MAX];
    hp_patterns_t patterns[HP_DECIMALS_MAX + 1]; /* scales point here: a table is never moved */
} hp_symbols_t;

static inline hp_scale_t hp_symbols_scale(hp_symbols_t *table, int decimals)
{
    HP_ASSERT(decimals >= 0 && decimals <= HP_DECIMALS_MAX);
    if (!(table->scales >> decimals & 1)) {
        hp_patterns_set(&table->patterns[decimals], decimals);
        table->scales |= 1u << decimals;
    }
    hp_scale_t scale = { &table->patterns[decimals], decimals, 0 };
    return scale;
}

static inline uint32_t hp_symbols_hash_id(uint32_t id)
{
    return (id * 2654435761u) >> 22 & (HP_SYMBOLS_SLOTS - 1);
}

/* The symbol's 32 bytes, zero filled, and their hash. */
static inline uint32_t hp_symbols_hash(const char *text, size_t size, __m128i *low, __m128i *high)
{
    size_t first = size < 16 ? size : 16;
    *low = _mm_and_si128(hp_load16(text), hp_load16(hp_first_bytes + 16 - first));
    *high = _mm_and_si128(hp_load16(text + 16), hp_load16(hp_first_bytes + 16 - (size - first)));
    __m128i mixed = _mm_xor_si128(*low, _mm_slli_epi64(*high, 1));
    uint64_t h = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(mixed));
    return (uint32_t)_mm_crc32_u64(h, (uint64_t)_mm_extract_epi64(mixed, 1)) &
           (HP_SYMBOLS_SLOTS - 1);
}

static inline hp_symbol_t *hp_symbols_find(const hp_symbols_t *table, const char *text, size_t size)
{
    if (size == 0 || size > HP_SYMBOL_BYTES) return NULL;
    __m128i low, high;
    uint32_t slot = hp_symbols_hash(text, size, &low, &high);
    for (; table->by_text[slot] != 0; slot = (slot + 1) & (HP_SYMBOLS_SLOTS - 1)) {
        const hp_symbol_t *symbol = &table->at[table->by_text[slot] - 1];
        __m128i differ = _mm_or_si128(
            _mm_xor_si128(low, hp_load16(symbol->instrument.symbol)),
            _mm_xor_si128(high, hp_load16(symbol->instrument.symbol + 16)));
        if (_mm_testz_si128(differ, differ)) return (hp_symbol_t *)(uintptr_t)symbol;
    }
    return NULL;
}

static inline hp_symbol_t *hp_symbols_by_id(const hp_symbols_t *table, uint32_t id)
{
    uint32_t slot = hp_symbols_hash_id(id);
    for (; table->by_id[slot] != 0; slot = (slot + 1) & (HP_SYMBOLS_SLOTS - 1)) {
        const hp_symbol_t *symbol = &table->at[table->by_id[slot] - 1];
        if (symbol->instrument.id == id) return (hp_symbol_t *)(uintptr_t)symbol;
    }
    return NULL;
}

/* Take or replace.  NULL when the table is full, the record is not one, or text and id are known as
 * two different instruments. */
static inline hp_symbol_t *hp_symbols_put(hp_symbols_t *table, const hp_instrument_t *instrument)
{
    const hp_instrument_t *i = instrument;
    if (i->id == 0 || i->symbol_length == 0 || i->symbol_length > HP_SYMBOL_BYTES ||
        i->price_decimals < 0 || i->price_decimals > HP_DECIMALS_MAX ||
        i->size_decimals < 0 || i->size_decimals > HP_DECIMALS_MAX)
        return NULL;
    for (unsigned at = 0; at < HP_SYMBOL_BYTES; at++)
        if ((i->symbol[at] == 0) != (at >= i->symbol_length)) return NULL;
    hp_symbol_t *symbol = hp_symbols_find(table, i->symbol, i->symbol_length);
    if (symbol != hp_symbols_by_id(table, i->id)) return NULL;
    if (symbol == NULL) {
        if (table->count == HP_SYMBOLS_MAX) return NULL;
        __m128i low, high;
        uint32_t text = hp_symbols_hash(i->symbol, i->symbol_length, &low, &high);
        uint32_t id = hp_symbols_hash_id(i->id);
        while (table->by_text[text] != 0) text = (text + 1) & (HP_SYMBOLS_SLOTS - 1);
        while (table->by_id[id] != 0) id = (id + 1) & (HP_SYMBOLS_SLOTS - 1);
        symbol = &table->at[table->count++];
        table->by_text[text] = table->by_id[id] = (uint16_t)table->count;
    }
    symbol->instrument = *i;
    symbol->price = hp_symbols_scale(table, i->price_decimals);
    symbol->size = hp_symbols_scale(table, i->size_decimals);
    return symbol;
}

#endif

/* table.h - the orders of one lane, found by client order id.
 *
 * Owns:    a fixed number of slots, an open-addressing index, the dense list of working orders.
 * Refuses: growing: a full table is a verdict (TABLE_FULL).  Finished orders stay readable until their
 *          slot is wanted again, oldest first, so that late fills still find them; one whose fills are
 *          not all booked still exposes and reserves, and keeps its slot.
 *
 * Memory is the owner's: hp_orders_bytes() says how much for a capacity (a power of two). */
#ifndef HP_ORDER_TABLE_H
#define HP_ORDER_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "order.h"
#include "hotpath/order/state.h"
#include "panic.h"

typedef struct hp_orders {
    uint32_t capacity;       /* slots, a power of two */
    uint32_t index_mask;     /* index has 4 x capacity entries: at most a quarter full */
    uint32_t working_count;
    uint32_t used;           /* slots ever handed out, up to capacity */
    uint32_t clock;          /* where the search for a finished slot goes on */
    uint32_t pad;
    hp_order_t *slots;
    uint32_t *index;         /* slot + 1; 0 = empty */
    uint32_t *working;       /* dense list of slots in a working state */
    uint32_t *where;         /* slot -> position in `working` + 1; 0 = not working */
} hp_orders_t;

static inline size_t hp_orders_bytes(uint32_t capacity)
{
    return (size_t)capacity * (sizeof(hp_order_t) + 6 * sizeof(uint32_t));
}

/* `memory` is zeroed, 64-byte aligned, hp_orders_bytes(capacity) long. */
static inline void hp_orders_init(hp_orders_t *t, void *memory, uint32_t capacity)
{
    HP_ASSERT(capacity >= 16 && (capacity & (capacity - 1)) == 0 && capacity <= 1u << 20);
    memset(t, 0, sizeof *t);
    t->capacity = capacity;
    t->index_mask = capacity * 4 - 1;
    t->slots = (hp_order_t *)memory;
    t->index = (uint32_t *)(void *)(t->slots + capacity);
    t->working = t->index + (size_t)capacity * 4;
    t->where = t->working + capacity;
}

static inline uint32_t hp_orders_hash(const hp_orders_t *t, uint64_t client_id)
{
    return (uint32_t)((client_id * 0x9e3779b97f4a7c15ull) >> 32) & t->index_mask;
}

static inline hp_order_t *hp_orders_find(const hp_orders_t *t, uint64_t client_id)
{
    if (client_id == 0) return NULL;
    for (uint32_t i = hp_orders_hash(t, client_id); t->index[i] != 0; i = (i + 1) & t->index_mask) {
        hp_order_t *o = &t->slots[t->index[i] - 1];
        if (o->client_id == client_id) return o;
    }
    return NULL;
}

/* By the venue's id: a walk over all slots, for what the venue says without our id. */
static inline hp_order_t *hp_orders_find_venue(const hp_orders_t *t, uint32_t instrument, uint64_t venue_id)
{
    for (uint32_t slot = 0; slot < t->used && venue_id != 0; slot++) {
        hp_order_t *o = &t->slots[slot];
        if (o->client_id != 0 && o->venue_id == venue_id && o->instrument == instrument) return o;
    }
    return NULL;
}

/* Remove a slot from the index, closing the hole behind it. */
static inline void hp_orders_unindex(hp_orders_t *t, uint32_t slot)
{
    uint32_t mask = t->index_mask, i = hp_orders_hash(t, t->slots[slot].client_id);
    while (t->index[i] != slot + 1) {
        HP_ASSERT(t->index[i] != 0);
        i = (i + 1) & mask;
    }
    for (uint32_t j = (i + 1) & mask; t->index[j] != 0; j = (j + 1) & mask) {
        uint32_t home = hp_orders_hash(t, t->slots[t->index[j] - 1].client_id);
        if (((j - home) & mask) >= ((j - i) & mask)) { t->index[i] = t->index[j]; i = j; }
    }
    t->index[i] = 0;
}

/* The next finished slot; capacity = every slot is needed. */
static inline uint32_t hp_orders_reusable(hp_orders_t *t)
{
    for (uint32_t n = 0; n < t->capacity; n++) {
        uint32_t slot = t->clock;
        t->clock = (slot + 1) & (t->capacity - 1);
        if (t->where[slot] == 0 && hp_order_missing_lots(&t->slots[slot]) == 0) return slot;
    }
    return t->capacity;
}

/* A zeroed slot for a new order, entered as working; NULL when every slot is needed. */
static inline hp_order_t *hp_orders_add(hp_orders_t *t, uint64_t client_id)
{
    uint32_t slot;
    HP_ASSERT(client_id != 0 && hp_orders_find(t, client_id) == NULL);
    if (t->working_count == t->capacity) return NULL;
    if (t->used < t->capacity) {
        slot = t->used++;
    } else {
        slot = hp_orders_reusable(t);
        if (slot == t->capacity) return NULL;
        hp_orders_unindex(t, slot);
    }
    hp_order_t *o = &t->slots[slot];
    memset(o, 0, sizeof *o);
    o->client_id = client_id;
    o->state = o->word = HP_ORDER_PENDING;
    uint32_t i = hp_orders_hash(t, client_id);
    while (t->index[i] != 0) i = (i + 1) & t->index_mask;
    t->index[i] = slot + 1;
    t->working[t->working_count] = slot;
    t->where[slot] = ++t->working_count;
    return o;
}

/* Keep the dense list true after a change of state. */
static inline void hp_orders_settle(hp_orders_t *t, hp_order_t *o)
{
    uint32_t slot = (uint32_t)(o - t->slots);
    HP_ASSERT(slot < t->capacity);
    int working = hp_order_is_working(o->state);
    if (working && t->where[slot] == 0) {
        t->working[t->working_count] = slot;
        t->where[slot] = ++t->working_count;
    } else if (!working && t->where[slot] != 0) {
        uint32_t at = t->where[slot] - 1, last = t->working[--t->working_count];
        t->working[at] = last;
        t->where[last] = at + 1;
        t->where[slot] = 0;
    }
}

static inline hp_order_t *hp_orders_working(const hp_orders_t *t, uint32_t position)
{
    HP_ASSERT(position < t->working_count);
    return &t->slots[t->working[position]];
}

#endif

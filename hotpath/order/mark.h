/* mark.h - which cancel an order has coming, and why: one mark, however many want it gone.
 *
 * Owns:    the classes of causes (time to live < advice < emergency), the mark.
 * Refuses: sending (hotpath/lane/trade.h), counting.
 *
 * A mark stands until the order ends: what could not be sent is tried again by the sweep.  The first
 * cause of a class stays; only a stronger class takes a mark over. */
#ifndef HP_ORDER_MARK_H
#define HP_ORDER_MARK_H

#include <stdint.h>

#include "order.h"
#include "panic.h"

enum hp_cancel_class { HP_CLASS_NONE = 0, HP_CLASS_TTL = 1, HP_CLASS_SMART = 2, HP_CLASS_EMERGENCY = 3 };

static inline int hp_cancel_class(uint8_t cause)
{
    if (cause == HP_CANCEL_NONE || cause >= HP_CANCEL_CAUSE_COUNT) return HP_CLASS_NONE;
    if (cause == HP_CANCEL_TTL) return HP_CLASS_TTL;
    return cause < HP_CANCEL_BOOK ? HP_CLASS_SMART : HP_CLASS_EMERGENCY;
}

/* An advice may give a reason of its own class only: everything else is "the strategy wants it". */
static inline uint8_t hp_cancel_advice(uint8_t reason)
{
    return hp_cancel_class(reason) == HP_CLASS_SMART && reason != HP_CANCEL_OWN ? reason : (uint8_t)HP_CANCEL_STRATEGY;
}

/* Mark an order.  1 = it had none. */
static inline int hp_order_mark(hp_order_t *o, uint8_t cause)
{
    int is_new = o->cancel_cause == HP_CANCEL_NONE;
    HP_ASSERT(hp_cancel_class(cause) != HP_CLASS_NONE);
    if (hp_cancel_class(cause) > hp_cancel_class(o->cancel_cause)) o->cancel_cause = cause;
    return is_new;
}

/* How long the last of `sent` cancels is given to be answered: twice as long each time, up to a bound. */
static inline uint64_t hp_cancel_wait_ns(uint32_t sent, uint64_t first_ns, uint64_t most_ns)
{
    uint64_t wait_ns = first_ns;
    for (; sent > 1 && wait_ns < most_ns; sent--) wait_ns *= 2;
    return wait_ns < most_ns || first_ns > most_ns ? wait_ns : most_ns;
}

/* Is a cancel on its way that must be given time to be answered? */
static inline int hp_order_is_leaving(const hp_order_t *o, uint64_t now, uint64_t wait_ns)
{
    return o->cancel_sent_ns != 0 && now - o->cancel_sent_ns < wait_ns;
}

#endif

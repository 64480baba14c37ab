/* spare.h - which source serves an instrument's top, and what the spare one says.
 *
 * Owns:    the choice (PRIMARY while the book is SYNCED, else SECONDARY while its last poll is young,
 *          else NONE), the published top, the comparison of both where they speak of one update.
 * Refuses: polling (runtime/feeds/sources.py), risk: a top of the spare source is to be shown and to exit on;
 *          the gate refuses new risk on it (HP_CAUTION_SOURCE).
 *
 * A poll is as old as the moment at which it was asked for. */
#ifndef HP_LANE_SPARE_H
#define HP_LANE_SPARE_H

#include <stdint.h>

#include "hotpath/lane/stale.h"

static inline void hp_lane_publish_top(hp_lane_t *l, const hp_lane_instrument_t *i)
{
    hp_top_t *top = &l->page->tops[i->about.id];
    hp_seq_begin(&top->seq);
    hp_book_top(i->book, top);
    top->source = i->source;
    if (HP_UNLIKELY(i->source == HP_SOURCE_SECONDARY)) {
        top->bid_ticks = i->spare.bid_ticks;
        top->bid_lots = i->spare.bid_lots;
        top->ask_ticks = i->spare.ask_ticks;
        top->ask_lots = i->spare.ask_lots;
        top->recv_ns = i->spare.asked_ns;
        top->update_id = i->spare.update_id;
    }
    hp_seq_end(&top->seq);
}

static inline uint8_t hp_lane_best_source(const hp_lane_t *l, const hp_lane_instrument_t *i)
{
    if (HP_LIKELY(i->book->state == HP_BOOK_SYNCED)) return HP_SOURCE_PRIMARY;
    if (i->spare.asked_ns == 0 || l->now_ns > i->spare.asked_ns + i->sanity_rule.spare_ns)
        return HP_SOURCE_NONE;
    return i->spare.bid_lots > 0 && i->spare.ask_lots > 0 ? HP_SOURCE_SECONDARY : HP_SOURCE_NONE;
}

/* Switch to the best source there is; told when it changes. */
static inline void hp_lane_choose_source(hp_lane_t *l, hp_lane_instrument_t *i)
{
    uint8_t best = hp_lane_best_source(l, i), before = i->source;
    if (HP_LIKELY(best == before)) return;
    i->source = best;
    hp_lane_feed(l, i)->source = best;
    hp_lane_set_caution(l, i, (uint8_t)((i->caution & ~HP_CAUTION_SOURCE) |
                                        (best == HP_SOURCE_SECONDARY ? HP_CAUTION_SOURCE : 0)));
    hp_lane_publish_top(l, i);
    hp_lane_tell_feed(l, i, HP_TROUBLE_SOURCE, 0, best, before);
}

/* A poll of the spare source, decoded into l->event: keep its top, compare, tell. */
static inline void hp_lane_spare_top(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t asked_ns)
{
    const hp_event_t *e = &l->event;
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    const hp_level_t *bid = l->levels->at, *ask = bid + e->bid_count;
    if (e->bid_count == 0 || e->ask_count == 0 || asked_ns < i->spare.asked_ns) return;
    i->spare = (hp_spare_t){ asked_ns, e->last_id, bid->price_ticks, bid->lots, ask->price_ticks, ask->lots };
    feed->spare_polls++;
    feed->spare_ns = asked_ns;
    const hp_l2_t *own = &i->book->l2;
    if (hp_book_chained(i->book) && e->last_id == i->book->update_id) {
        feed->spare_compared++;
        feed->spare_equal += bid->price_ticks == hp_l2_bid_ticks(own) && bid->lots == own->bid.best_lots &&
                             ask->price_ticks == hp_l2_ask_ticks(own) && ask->lots == own->ask.best_lots;
    }
    hp_lane_choose_source(l, i);
    if (i->source != HP_SOURCE_SECONDARY) return;
    hp_lane_publish_top(l, i);
    hp_feed_event_t said = { asked_ns, i->about.id, HP_TROUBLE_SPARE, 0, HP_POLICY_FLAG, i->source,
                             (int64_t)(l->now_ns - asked_ns), (int64_t)i->sanity_rule.spare_ns,
                             bid->price_ticks, bid->lots, ask->price_ticks, ask->lots };
    hp_lane_say(l, &said);
}

#endif

/* reference.h - what the venue says anew about an instrument that the lane has.
 *
 * Owns:    the step that takes it: status, steps, sizes, bands, counts.
 * Refuses: another scale, contract, asset, leverage or fee: what is held and what rests is counted in
 *          those.  That is another instrument; it takes a restart.
 *
 * The gate judges by it from the next intent on; what rests stays, the venue keeps it or tells its end. */
#ifndef HP_LANE_REFERENCE_H
#define HP_LANE_REFERENCE_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/core.h"
#include "instrument.h"

/* Another word about a known instrument.  0 = not taken, nothing has changed. */
static inline int hp_lane_put_instrument(hp_lane_t *l, const hp_instrument_t *about)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, about->id);
    if (i == NULL) return 0;
    hp_instrument_t after = i->about;
    after.status = about->status;
    after.tick_size_ticks = about->tick_size_ticks;
    after.price_min_ticks = about->price_min_ticks;
    after.price_max_ticks = about->price_max_ticks;
    after.step_size_lots = about->step_size_lots;
    after.size_min_lots = about->size_min_lots;
    after.size_max_lots = about->size_max_lots;
    after.notional_min_e8 = about->notional_min_e8;
    after.band_up_bps = about->band_up_bps;
    after.band_down_bps = about->band_down_bps;
    after.open_orders_max = about->open_orders_max;
    after.algo_orders_max = about->algo_orders_max;
    after.version = about->version;
    after.stale_quote_ns = about->stale_quote_ns;
    if (memcmp(&after, about, sizeof after) != 0 || !l->codec->put_instrument(l->codec->state, about)) return 0;
    hp_lane_journal(l, HP_RECORD_INSTRUMENT, about->id, l->recv_ns, about, sizeof *about);
    i->about = after;
    return 1;
}

#endif

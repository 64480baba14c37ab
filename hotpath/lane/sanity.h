/* sanity.h - figures of a feed that make no sense: price, volume, time.
 *
 * Owns:    the recent mean and spread of prices and trade sizes as integers, the best transit time
 *          seen; the judgement of one figure by the rule of its instrument.
 * Refuses: acting on it (market.h), floats, clocks: the venue's time is only compared with itself,
 *          by how much later each event arrives than the quickest one did, so no clock need be right.
 *
 * Prices are sums of bid and ask (half ticks), so that a mid is exact.  Mean and variance are moving
 * averages of weight 1/64, in 1/256 half tick and 1/4096 of its square.  A figure ten times off is not
 * taken into them; HP_SANITY_RUN_MAX of them in a row are the new level. */
#ifndef HP_LANE_SANITY_H
#define HP_LANE_SANITY_H

#include <stdint.h>

#include "feed.h"
#include "fixed.h"

#define HP_SANITY_RUN_MAX 16
#define HP_SANITY_FAR_MAX (1 << 25) /* half ticks: what is further counts as so far */

typedef struct hp_recent {
    int64_t  last;       /* half ticks; 0 = none yet */
    int64_t  mean_q8;
    int64_t  variance_q12;
    uint32_t seen;
    uint32_t run;        /* tenfold figures in a row */
} hp_recent_t;

typedef struct hp_transit {
    int64_t  least_ns;     /* of (receive time - venue time) seen; two clocks, so any number */
    uint64_t lag_ns;       /* of the last event over that */
    uint32_t seen;
    uint32_t run;          /* events from the future in a row */
    uint32_t is_late;
    uint32_t pad;
} hp_transit_t;

typedef struct hp_sanity { /* arrays: by enum hp_event_kind, as streams differ in what they stamp */
    hp_recent_t  prices[8];
    hp_transit_t transits[8];
    int64_t  lots_q8;      /* mean size of a trade */
    uint32_t trades;
    uint32_t pad;
} hp_sanity_t;

typedef struct hp_oddity { /* trouble NONE: the figure makes sense */
    uint32_t trouble;
    uint32_t pad;
    int64_t  found;
    int64_t  wanted;
} hp_oddity_t;

static inline hp_wide_t hp_sanity_away(int64_t a, int64_t b)
{
    hp_wide_t d = (hp_wide_t)a - b;
    return d < 0 ? -d : d;
}

static inline void hp_recent_restart(hp_recent_t *r, int64_t price)
{
    r->last = price;
    r->mean_q8 = price * 256;
    r->variance_q12 = 0;
    r->seen = 1;
    r->run = 0;
}

static inline void hp_recent_take(hp_recent_t *r, int64_t price)
{
    int64_t d = price - r->mean_q8 / 256;
    if (d > HP_SANITY_FAR_MAX) d = HP_SANITY_FAR_MAX;
    if (d < -HP_SANITY_FAR_MAX) d = -HP_SANITY_FAR_MAX;
    r->last = price;
    r->mean_q8 += d * 256 / 64;
    r->variance_q12 += (d * d * 4096 - r->variance_q12) / 64;
    r->seen += r->seen != UINT32_MAX;
    r->run = 0;
}

/* Judge a price against what came before, then take it in.  `price`: half ticks, above 0. */
static inline hp_oddity_t hp_sanity_price(hp_recent_t *r, const hp_sanity_rule_t *rule, int64_t price)
{
    hp_oddity_t odd = { HP_TROUBLE_NONE, 0, 0, 0 };
    if (price <= 0 || price > INT64_MAX / 512) return odd;
    if (r->last == 0) { hp_recent_restart(r, price); return odd; }
    hp_wide_t times = rule->times_max;
    if (times != 0 && (price >= r->last * times || price * times <= r->last)) {
        odd = (hp_oddity_t){ HP_TROUBLE_TENFOLD, 0, price, r->last };
        if (++r->run >= HP_SANITY_RUN_MAX) hp_recent_restart(r, price);
        return odd;
    }
    hp_wide_t jump = hp_sanity_away(price, r->last) * 10000;
    int64_t mean = r->mean_q8 / 256;
    hp_wide_t far = hp_sanity_away(price, mean);
    if (rule->jump_bps != 0 && jump > (hp_wide_t)r->last * rule->jump_bps) {
        odd = (hp_oddity_t){ HP_TROUBLE_JUMP, 0, (int64_t)(jump / r->last), rule->jump_bps };
    } else if (rule->sigma_tenths != 0 && r->seen >= rule->warm_up &&
               far * 10000 > (hp_wide_t)mean * rule->sigma_bps_min) {
        hp_wide_t tenths = rule->sigma_tenths;
        if (far * far * 100 * 4096 > tenths * tenths * r->variance_q12)
            odd = (hp_oddity_t){ HP_TROUBLE_SIGMA, 0, (int64_t)far, mean };
    }
    hp_recent_take(r, price);
    return odd;
}

static inline hp_oddity_t hp_sanity_volume(hp_sanity_t *s, const hp_sanity_rule_t *rule, int64_t lots)
{
    hp_oddity_t odd = { HP_TROUBLE_NONE, 0, 0, 0 };
    if (lots <= 0 || lots > INT64_MAX / 512) return odd;
    hp_wide_t bound = (hp_wide_t)s->lots_q8 * rule->volume_times / 256;
    int64_t taken = lots;
    if (rule->volume_times != 0 && s->trades >= rule->warm_up && lots > bound) {
        if (lots >= rule->volume_lots_min)
            odd = (hp_oddity_t){ HP_TROUBLE_VOLUME, 0, lots, (int64_t)bound };
        taken = (int64_t)bound; /* one giant must not hide the next */
    }
    if (s->trades == 0) s->lots_q8 = lots * 256;
    else s->lots_q8 += (taken * 256 - s->lots_q8) / 64;
    if (s->lots_q8 < 256) s->lots_q8 = 256;
    s->trades += s->trades != UINT32_MAX;
    return odd;
}

/* Judge the venue's time of an event; 0 = the venue gives none. */
static inline hp_oddity_t hp_sanity_time(hp_transit_t *s, const hp_sanity_rule_t *rule, int64_t event_ns,
                                         uint64_t recv_ns)
{
    hp_oddity_t odd = { HP_TROUBLE_NONE, 0, 0, 0 };
    if (event_ns <= 0) return odd;
    int64_t transit = (int64_t)(recv_ns - (uint64_t)event_ns);
    if (s->seen == 0) {
        s->seen = 1;
        s->least_ns = transit;
        return odd;
    }
    hp_wide_t lag = (hp_wide_t)transit - s->least_ns;
    if (rule->time_ns != 0 && lag < -(hp_wide_t)rule->time_ns) {
        if (++s->run < HP_SANITY_RUN_MAX)
            return (hp_oddity_t){ HP_TROUBLE_TIME, 0, hp_narrow(-lag), (int64_t)rule->time_ns };
        lag = 0;
        s->least_ns = transit; /* the venue's clock was set */
    }
    s->run = 0;
    s->lag_ns = lag > 0 ? (uint64_t)hp_narrow(lag) : 0;
    if (lag < 0) s->least_ns = transit;
    else s->least_ns += hp_narrow(lag) / 65536; /* clocks drift: the best is forgotten slowly */
    uint32_t late = rule->late_ns != 0 && s->lag_ns > rule->late_ns;
    if (late && !s->is_late)
        odd = (hp_oddity_t){ HP_TROUBLE_LATE, 0, (int64_t)s->lag_ns, (int64_t)rule->late_ns };
    s->is_late = late;
    return odd;
}

#endif

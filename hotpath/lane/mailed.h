/* mailed.h - what a lane does about a mail of the cold side: which step function each kind is.
 *
 * Owns:    the kinds that are steps and nothing else; their sizes.
 * Refuses: the ring that brought it, what needs a socket (logon, listen key, believing the user stream),
 *          questions that want an answer by mail. */
#ifndef HP_LANE_MAILED_H
#define HP_LANE_MAILED_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/inputs.h"
#include "mail.h"

enum hp_mailed {
    HP_MAILED_NOT = 0,     /* not a step alone: the owner of the sockets sees to it */
    HP_MAILED_DONE = 1,
    HP_MAILED_FACT = 2,    /* of an opening: the lane may have opened */
    HP_MAILED_REFUSED = 3  /* an instrument that does not fit */
};

/* Take one mail.  `data` may be read HP_FRAME_PAD_BYTES beyond its text where it is JSON: the pad is in it. */
static inline enum hp_mailed hp_lane_mailed(hp_lane_t *l, uint32_t kind, uint64_t aux, const char *data, size_t size)
{
    uint64_t asked_ns;
    switch (kind) {
    case HP_MAIL_SNAPSHOT:
        if (size < HP_FRAME_PAD_BYTES) return HP_MAILED_NOT;
        hp_lane_snapshot(l, (uint32_t)aux, data, size - HP_FRAME_PAD_BYTES);
        return HP_MAILED_DONE;
    case HP_MAIL_SPARE:
        if (size < HP_FRAME_PAD_BYTES + sizeof asked_ns) return HP_MAILED_NOT;
        memcpy(&asked_ns, data, sizeof asked_ns);
        hp_lane_spare(l, (uint32_t)aux, asked_ns, data + sizeof asked_ns, size - HP_FRAME_PAD_BYTES - sizeof asked_ns);
        return HP_MAILED_DONE;
    case HP_MAIL_MISSED: hp_lane_fill_missed(l, (uint32_t)aux, data, size); return HP_MAILED_DONE;
    case HP_MAIL_OPENING:
        if (size > 0) break;
        if (l->stage->generation != 0 && !l->is_open) hp_lane_command(l, HP_COMMAND_WISH);
        return HP_MAILED_DONE;
    case HP_MAIL_BASE:
    case HP_MAIL_BOOKED:
    case HP_MAIL_ORDER: break;
#define HP_MAILED_AS(kind, type, step) \
    case kind: \
        if (size != sizeof(type)) return HP_MAILED_NOT; \
        step; \
        return HP_MAILED_DONE
    HP_MAILED_AS(HP_MAIL_REPORT, hp_report_t, hp_lane_told(l, (const hp_report_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_SIGNAL, hp_signal_t, hp_lane_signal(l, (const hp_signal_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_QUOTA, hp_quota_told_t, hp_lane_quota_told(l, (const hp_quota_told_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_QUOTA_RULE, hp_quota_rule_t, hp_lane_put_quota_rule(l, (const hp_quota_rule_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_TTL, hp_ttl_rule_t, hp_lane_put_ttl(l, (const hp_ttl_rule_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_LIMIT, hp_limit_t, hp_lane_put_limit(l, (const hp_limit_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_RULE, hp_instrument_limits_t,
                 hp_lane_put_rule(l, (uint32_t)aux, (const hp_instrument_limits_t *)(const void *)data));
    HP_MAILED_AS(HP_MAIL_POLICY, hp_gate_rule_t, hp_lane_put_policy(l, (const hp_gate_rule_t *)(const void *)data));
#undef HP_MAILED_AS
    case HP_MAIL_INSTRUMENT:
        if (size != sizeof(hp_instrument_t)) return HP_MAILED_NOT;
        return hp_lane_put_instrument(l, (const hp_instrument_t *)(const void *)data) ? HP_MAILED_DONE : HP_MAILED_REFUSED;
    default: return HP_MAILED_NOT;
    }
    hp_lane_fact(l, kind, aux, data, size);
    return HP_MAILED_FACT;
}

#endif

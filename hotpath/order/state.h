/* state.h - which report moves an order to which state.
 *
 * Owns:    the transition table (data) and the one function that applies a report to an order.
 * Refuses: sockets, timers, positions (position.h), finding the order (table.h).
 *
 * The rule behind the table: the state is a function of the *set* of facts received, not of their order.
 * Facts have a rank; a later-arriving fact of lower rank changes nothing.  Cumulative size decides
 * between PARTIAL and FILLED, and a fill is booked in every state, because late fills happen.
 * A refusal ranks below an acceptance: if the venue said both, exposure counts the order as alive.
 * UNKNOWN ends by the venue's word only: an ack, a fill, a terminal event, a status, or a NOT_FOUND
 * that is younger than the order's venue deadline plus the venue's read lag.  Never by a timer. */
#ifndef HP_ORDER_STATE_H
#define HP_ORDER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "fixed.h"
#include "order.h"
#include "panic.h"

/* What applying a report did. */
enum hp_moved {
    HP_MOVED_REFUSED = 0,  /* not legal here: counted, nothing changed */
    HP_MOVED_STATE = 1,    /* the state changed */
    HP_MOVED_FACT = 2,     /* state stands, a fact was added (venue id, fill size, flag) */
    HP_MOVED_REPEAT = 3    /* already known */
};

/* Answers of the table beside plain states. */
#define HP_T_STAY 64    /* a repeat or a fact of lower rank */
#define HP_T_REFUSE 65
#define HP_T_FILL 66    /* PARTIAL or FILLED by cumulative size, unless a terminal fact stands */
#define HP_T_SAID 67    /* the venue's own state in the report */
#define HP_T_PROOF 68   /* NOT_FOUND: REJECTED if it proves absence, else stay */

#define R HP_T_REFUSE
#define S HP_T_STAY
static const uint8_t hp_transitions[HP_ORDER_STATE_COUNT][HP_REPORT_KIND_COUNT] = {
    /*               NONE  SENT            SEND_FAILED        ACK            REJECT             FILL       CANCELED           EXPIRED           C_REJ REPLACED STATUS     NOT_FOUND    TIMEOUT           AMBIGUOUS          POS BAL SES END CTL */
    /* NONE     */ { R,    R,              R,                 R,             R,                 R,         R,                 R,                R,    R,       R,         R,           R,                R,                 R,  R,  R,  R,  R },
    /* PENDING  */ { R,    HP_ORDER_SENT,  HP_ORDER_REJECTED, HP_ORDER_LIVE, HP_ORDER_REJECTED, HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    R,       HP_T_SAID, HP_T_PROOF,  HP_ORDER_UNKNOWN, HP_ORDER_UNKNOWN,  R,  R,  R,  R,  R },
    /* SENT     */ { R,    S,              R,                 HP_ORDER_LIVE, HP_ORDER_REJECTED, HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    S,       HP_T_SAID, HP_T_PROOF,  HP_ORDER_UNKNOWN, HP_ORDER_UNKNOWN,  R,  R,  R,  R,  R },
    /* LIVE     */ { R,    S,              R,                 S,             S,                 HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    S,       HP_T_SAID, S,           S,                S,                 R,  R,  R,  R,  R },
    /* PARTIAL  */ { R,    S,              R,                 S,             S,                 HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    S,       HP_T_SAID, S,           S,                S,                 R,  R,  R,  R,  R },
    /* FILLED   */ { R,    S,              R,                 S,             S,                 HP_T_FILL, S,                 S,                S,    S,       S,         S,           S,                S,                 R,  R,  R,  R,  R },
    /* CANCELED */ { R,    S,              R,                 S,             S,                 HP_T_FILL, S,                 S,                S,    S,       HP_T_SAID, S,           S,                S,                 R,  R,  R,  R,  R },
    /* REJECTED */ { R,    S,              S,                 HP_ORDER_LIVE, S,                 HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    S,       HP_T_SAID, S,           S,                S,                 R,  R,  R,  R,  R },
    /* EXPIRED  */ { R,    S,              R,                 S,             S,                 HP_T_FILL, HP_ORDER_CANCELED, S,                S,    S,       HP_T_SAID, S,           S,                S,                 R,  R,  R,  R,  R },
    /* UNKNOWN  */ { R,    S,              R,                 HP_ORDER_LIVE, HP_ORDER_REJECTED, HP_T_FILL, HP_ORDER_CANCELED, HP_ORDER_EXPIRED, S,    S,       HP_T_SAID, HP_T_PROOF,  S,                S,                 R,  R,  R,  R,  R },
};
#undef R
#undef S

/* Rank of a state by the venue's word: a STATUS answer may be older than what we know. */
static const uint8_t hp_state_rank[HP_ORDER_STATE_COUNT] = {
    /* NONE PENDING SENT LIVE PARTIAL FILLED CANCELED REJECTED EXPIRED UNKNOWN */
    0, 1, 2, 5, 6, 9, 8, 4, 7, 3 };

static inline int hp_order_is_terminal(uint8_t state)
{
    return state == HP_ORDER_FILLED || state == HP_ORDER_CANCELED || state == HP_ORDER_REJECTED ||
           state == HP_ORDER_EXPIRED;
}

static inline uint8_t hp_fill_state(const hp_order_t *o)
{
    if (o->filled_lots >= o->lots) return HP_ORDER_FILLED;
    int stands = hp_order_is_terminal(o->state) && o->state != HP_ORDER_REJECTED;
    return stands ? o->state : (uint8_t)HP_ORDER_PARTIAL;
}

/* Apply one report.  `now` is the lane's turn; `read_lag_ns` the venue's bound between accepting an
 * order and showing it to a query.  A FILL must be new (position.h has seen its key): its lots are
 * added here.  Returns what moved; the caller updates exposure and counters from old and new state. */
static inline enum hp_moved hp_order_apply(hp_order_t *o, const hp_report_t *r, uint64_t now, uint64_t read_lag_ns)
{
    if (r->kind >= HP_REPORT_KIND_COUNT) return HP_MOVED_REFUSED;
    HP_ASSERT(o->state < HP_ORDER_STATE_COUNT);
    uint8_t next = hp_transitions[o->state][r->kind];
    int fact = 0;
    if (next == HP_T_REFUSE) return HP_MOVED_REFUSED;

    if (r->venue_id != 0 && o->venue_id == 0) { o->venue_id = r->venue_id; fact = 1; }
    if (r->error != HP_ERROR_NONE) o->error = r->error;
    switch (r->kind) {
    case HP_REPORT_CANCEL_REJECT:
        fact |= (o->flags & HP_ORDER_CANCEL_IN_FLIGHT) != 0;
        o->flags &= (uint16_t)~(HP_ORDER_CANCEL_IN_FLIGHT | HP_ORDER_REPLACE_IN_FLIGHT);
        break;
    case HP_REPORT_STATUS:
    case HP_REPORT_NOT_FOUND:
        o->flags &= (uint16_t)~HP_ORDER_INQUIRY_IN_FLIGHT;
        break;
    case HP_REPORT_REPLACED:
        o->flags &= (uint16_t)~HP_ORDER_REPLACE_IN_FLIGHT;
        if (r->lots > 0) { o->lots = r->lots; o->price_ticks = r->price_ticks; fact = 1; }
        break;
    default:
        break;
    }
    if (next == HP_T_FILL) {
        if (r->last_lots <= 0) return HP_MOVED_REFUSED;
        o->filled_lots += r->last_lots;
        fact = 1;
        next = hp_fill_state(o);
    } else if (next == HP_T_SAID) {
        if (r->state == HP_ORDER_NONE) return HP_MOVED_REFUSED;
        next = hp_state_rank[r->state] > hp_state_rank[o->state] ? r->state : HP_T_STAY;
    } else if (next == HP_T_PROOF) {
        next = (o->deadline_ns != 0 && r->recv_ns > o->deadline_ns + read_lag_ns) ? HP_ORDER_REJECTED : HP_T_STAY;
    }
    if (next == HP_T_STAY || next == o->state) return fact ? HP_MOVED_FACT : HP_MOVED_REPEAT;

    o->state = next;
    if (next == HP_ORDER_UNKNOWN) o->unknown_since_ns = now;
    else o->unknown_since_ns = 0;
    if (hp_order_is_terminal(next)) o->flags &= (uint16_t)~(HP_ORDER_CANCEL_IN_FLIGHT | HP_ORDER_REPLACE_IN_FLIGHT);
    return HP_MOVED_STATE;
}

#endif

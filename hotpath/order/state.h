/* state.h - which report moves an order to which state.
 *
 * Owns:    the transition table (data) and the one function that applies a report to an order.
 * Refuses: sockets, timers, positions (position.h), finding the order (table.h).
 *
 * The rule behind the table: the state is a function of the *set* of facts received, not of their order.
 *   word      the strongest word about the order, fills aside: words have a rank, a weaker one that comes
 *             later changes nothing.  A refusal ranks below an acceptance: if the venue said both,
 *             exposure counts the order as alive.
 *   fills     add up, each once (position.h has seen their keys); a fill is booked in every state.
 *   version   price and size are the venue's newest by its own time: a replace that is told late, twice,
 *             or after the next one changes nothing.
 * The state follows from the three (hp_order_derive): a fill that completes the old size ends the order
 * until the venue says that the size was another one.
 *
 * UNKNOWN ends by the venue's word only: an ack, a fill, a terminal event, a status, or a NOT_FOUND
 * that is younger than the order's venue deadline plus the venue's read lag.  Never by a timer.  A replace
 * in flight ends likewise: by its own answer, by a newer version that is the wanted one, by the order's
 * end, or by a status that is younger than the replace's deadline plus the read lag. */
#ifndef HP_ORDER_STATE_H
#define HP_ORDER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "fixed.h"
#include "intent.h"
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
#define HP_T_FILL 66    /* alive, by a fill; more, where the report says so */
#define HP_T_SAID 67    /* the venue's own state in the report */
#define HP_T_PROOF 68   /* NOT_FOUND: REJECTED if it proves absence, else stay */

#define R HP_T_REFUSE
#define S HP_T_STAY
/* Rows are words (what stands beside fills), not states. */
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

/* Fills that the venue counts and we have not booked. */
static inline int64_t hp_order_missing_lots(const hp_order_t *o)
{
    return o->said_lots > o->filled_lots ? o->said_lots - o->filled_lots : 0;
}

static inline int hp_order_is_changing(const hp_order_t *o)
{
    return (o->flags & HP_ORDER_REPLACE_IN_FLIGHT) != 0 && hp_order_is_working(o->state);
}

/* Lots of a version that may still become fills of ours: what works, or what an order that ended has
 * filled by the venue's word and nobody has booked yet. */
static inline int64_t hp_order_rest_lots(const hp_order_t *o, int64_t lots)
{
    int64_t whole = hp_order_is_working(o->state) && lots > o->said_lots ? lots : o->said_lots;
    return whole > o->filled_lots ? whole - o->filled_lots : 0;
}

/* What an order exposes: the worse of both versions while one replaces the other. */
static inline int64_t hp_order_exposed_lots(const hp_order_t *o)
{
    return hp_order_rest_lots(o, hp_order_is_changing(o) && o->asked_lots > o->lots ? o->asked_lots : o->lots);
}

/* The state that words, fills and size make. */
static inline uint8_t hp_order_derive(const hp_order_t *o)
{
    int64_t whole = o->lots;
    if ((o->flags & HP_ORDER_REPLACE_IN_FLIGHT) && o->asked_lots > whole) whole = o->asked_lots; /* it may have grown */
    if (whole > 0 && o->filled_lots >= whole) return HP_ORDER_FILLED;
    if (o->word == HP_ORDER_FILLED || o->word == HP_ORDER_CANCELED || o->word == HP_ORDER_EXPIRED) return o->word;
    return o->filled_lots > 0 ? (uint8_t)HP_ORDER_PARTIAL : o->word;
}

static inline int hp_order_is_asked(const hp_order_t *o, const hp_report_t *r)
{
    return r->lots == o->asked_lots && r->price_ticks == o->asked_ticks;
}

/* Take the venue's version of price and size where it is newer, and end a replace that is decided.
 * Two versions may carry one time: then only the answer to our own request, a status that nothing of ours
 * can follow any more, or the word of the order's end says which one is the later. */
static inline int hp_order_version(hp_order_t *o, const hp_report_t *r, uint64_t read_lag_ns)
{
    int in_flight = (o->flags & HP_ORDER_REPLACE_IN_FLIGHT) != 0, fact = 0;
    int answers = in_flight && r->request == HP_REQUEST_REPLACE &&
                  (r->request_id == o->replace_request || r->request_id == 0);
    int is_late = in_flight && r->kind == HP_REPORT_STATUS && r->recv_ns > o->replace_deadline_ns + read_lag_ns;
    int decided = is_late || (answers && (r->kind == HP_REPORT_REPLACED || r->kind == HP_REPORT_CANCEL_REJECT));
    int is_end = r->kind == HP_REPORT_CANCELED || r->kind == HP_REPORT_EXPIRED || r->state == HP_ORDER_FILLED ||
                 r->state == HP_ORDER_CANCELED || r->state == HP_ORDER_EXPIRED;
    uint64_t said_ns = r->match_ns > 0 ? (uint64_t)r->match_ns : 0;
    int is_priced = o->type != HP_TYPE_MARKET;
    int says = r->lots > 0 && (!is_priced || r->price_ticks > 0) && r->kind != HP_REPORT_CANCEL_REJECT;
    if (says && (said_ns > o->venue_update_ns || ((decided || is_end) && said_ns == o->venue_update_ns))) {
        o->venue_update_ns = said_ns;
        decided |= in_flight && hp_order_is_asked(o, r);
        fact = o->lots != r->lots || (is_priced && o->price_ticks != r->price_ticks);
        o->lots = r->lots;
        if (is_priced) o->price_ticks = r->price_ticks;
    }
    if (!decided || !in_flight) return fact;
    o->flags &= (uint16_t)~HP_ORDER_REPLACE_IN_FLIGHT;
    return 1;
}

/* Whether a refused order never came to be (a byte, or its proof) or was refused by the venue's word. */
static inline int hp_order_absence(hp_order_t *o, const hp_report_t *r, uint8_t before)
{
    uint16_t flags = o->flags;
    if (o->word != HP_ORDER_REJECTED || r->kind == HP_REPORT_REJECT) o->flags &= (uint16_t)~HP_ORDER_ABSENT;
    else if (before != HP_ORDER_REJECTED && (r->kind == HP_REPORT_NOT_FOUND || r->kind == HP_REPORT_SEND_FAILED))
        o->flags |= HP_ORDER_ABSENT;
    return o->flags != flags;
}

/* Apply one report.  `now` is the lane's turn; `read_lag_ns` the venue's bound between accepting an
 * order and showing it to a query.  A FILL must be new (position.h has seen its key): its lots are
 * added here.  Returns what moved; the caller updates exposure and counters from old and new state. */
static inline enum hp_moved hp_order_apply(hp_order_t *o, const hp_report_t *r, uint64_t now, uint64_t read_lag_ns)
{
    if (r->kind >= HP_REPORT_KIND_COUNT || r->state >= HP_ORDER_STATE_COUNT) return HP_MOVED_REFUSED;
    HP_ASSERT(o->state < HP_ORDER_STATE_COUNT && o->word < HP_ORDER_STATE_COUNT);
    if (o->word == HP_ORDER_NONE) o->word = o->state; /* as it was made, or written by a lane of before */
    uint8_t word = o->word, next = hp_transitions[word][r->kind], said = r->state;
    int fact = 0;
    if (next == HP_T_REFUSE) return HP_MOVED_REFUSED;
    if (next == HP_T_FILL && r->last_lots <= 0) return HP_MOVED_REFUSED;
    if (next == HP_T_SAID && said == HP_ORDER_NONE) return HP_MOVED_REFUSED;

    if (r->venue_id != 0 && o->venue_id == 0) { o->venue_id = r->venue_id; fact = 1; }
    if (r->error != HP_ERROR_NONE) o->error = r->error;
    if (r->cum_lots > o->said_lots) { o->said_lots = r->cum_lots; fact = 1; }
    switch (r->kind) {
    case HP_REPORT_CANCEL_REJECT:
        if (r->request == HP_REQUEST_REPLACE) break; /* version() knows which one */
        fact |= (o->flags & HP_ORDER_CANCEL_IN_FLIGHT) != 0;
        o->flags &= (uint16_t)~HP_ORDER_CANCEL_IN_FLIGHT;
        break;
    case HP_REPORT_STATUS:
    case HP_REPORT_NOT_FOUND:
        o->flags &= (uint16_t)~HP_ORDER_INQUIRY_IN_FLIGHT;
        break;
    default:
        break;
    }
    fact |= hp_order_version(o, r, read_lag_ns);
    switch (next) {
    case HP_T_FILL:
        o->filled_lots += r->last_lots;
        fact = 1;
        next = said == HP_ORDER_NONE ? (uint8_t)HP_ORDER_PARTIAL : said;
        break;
    case HP_T_SAID: next = said; break;
    case HP_T_PROOF:
        next = o->deadline_ns != 0 && r->recv_ns > o->deadline_ns + read_lag_ns ? (uint8_t)HP_ORDER_REJECTED : word;
        break;
    case HP_T_STAY: /* a replace and its refusal speak of the order's state too */
        next = r->kind == HP_REPORT_REPLACED && said != HP_ORDER_NONE ? said : word;
        break;
    default: break;
    }
    if (hp_state_rank[next] > hp_state_rank[word]) o->word = next;
    fact |= hp_order_absence(o, r, word);

    uint8_t state = hp_order_derive(o);
    if (state == o->state) return fact ? HP_MOVED_FACT : HP_MOVED_REPEAT;
    o->state = state;
    if (state == HP_ORDER_UNKNOWN) o->unknown_since_ns = now;
    else o->unknown_since_ns = 0;
    if (hp_order_is_terminal(state)) o->flags &= (uint16_t)~(HP_ORDER_CANCEL_IN_FLIGHT | HP_ORDER_REPLACE_IN_FLIGHT);
    return HP_MOVED_STATE;
}

#endif

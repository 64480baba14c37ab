/* mail.h - what a lane and its cold side tell each other, as records of two rings (ring.h).
 *
 * Owns:    the kinds of records and what their `aux` and payload are.
 * Refuses: orders and market data: those go over the lane's own sockets.
 *
 * A mail page is hp_page_t, then hp_ring_t and its data.  One page each way, so one writer each. */
#ifndef HP_MAIL_H
#define HP_MAIL_H

/* cffi:begin */
enum hp_mail {
    HP_MAIL_NONE = 0,
    /* cold side to lane */
    HP_MAIL_LOGON = 1,      /* text of one signed logon request: used once */
    HP_MAIL_SNAPSHOT = 2,   /* aux = instrument; REST body, then HP_FRAME_PAD_BYTES zeros */
    HP_MAIL_LISTEN_KEY = 3, /* address of the user stream */
    HP_MAIL_REPORT = 4,     /* hp_report_t: what an inquiry or the venue's list of trades found */
    HP_MAIL_OPENING = 5,    /* hp_opening_t: ends a set of opening facts; empty: a new cold side is there */
    HP_MAIL_SPARE = 6,      /* aux = instrument; u64 CLOCK_MONOTONIC when it was asked for, REST body, padding */
    HP_MAIL_BASE = 7,       /* hp_base_t; aux of all opening facts = generation of the wish */
    HP_MAIL_BOOKED = 8,     /* up to HP_BOOKED_PER_MAIL hp_booked_t */
    HP_MAIL_ORDER = 9,      /* hp_order_t that may still work */
    HP_MAIL_TRADES = 10,    /* aux = instrument, 0 = all: the venue's trades have been sent as reports */
    HP_MAIL_LIMIT = 11,     /* hp_limit_t of one dimension and id: holds from now on */
    HP_MAIL_RULE = 12,      /* aux = instrument; hp_instrument_limits_t: holds from now on */
    HP_MAIL_POLICY = 13,    /* hp_gate_rule_t: holds from now on */
    HP_MAIL_SIGNAL = 15,    /* hp_signal_t: holds from now on */
    HP_MAIL_TTL = 16,       /* hp_ttl_rule_t: holds from now on */
    HP_MAIL_QUOTA = 17,     /* hp_quota_told_t */
    HP_MAIL_INSTRUMENT = 18, /* hp_instrument_t of a known one: holds from now on */
    HP_MAIL_QUOTA_RULE = 20, /* hp_quota_rule_t: holds from now on */
    HP_MAIL_MISSED = 19,    /* aux = instrument; hp_missed_t each: trades that its stream did not bring */
    HP_MAIL_ASK = 21,       /* hp_ask_t: what would the gate say?  A VERDICT answers */
    /* lane to cold side */
    HP_MAIL_WANT = 64,      /* aux = enum hp_want; payload: u32 what, u32 instrument or detail */
    HP_MAIL_LOG = 65,       /* a line of text */
    HP_MAIL_VERDICT = 66    /* hp_verdict_t: the answer to the ASK whose intent has its intent_id */
};

/* What a lane asks of the cold side. */
enum hp_want {
    HP_WANT_NONE = 0, HP_WANT_SNAPSHOT = 1, HP_WANT_LOGON = 2, HP_WANT_LISTEN_KEY = 3, HP_WANT_TRADES = 4,
    HP_WANT_STATUS = 5,
    HP_WANT_STREAM = 6,     /* one stream anew, on its socket: aux = instrument + (event kind << 16) */
    HP_WANT_RECONNECT = 7,  /* a market socket anew: aux = socket */
    HP_WANT_OPENING = 8,    /* detail = generation */
    HP_WANT_MISSED = 9      /* the trades that the lane page says its stream missed; detail = instrument */
};
/* cffi:end */

#endif

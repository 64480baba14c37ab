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
    HP_MAIL_REPORT = 4,     /* hp_report_t: an opening position, or what an inquiry found */
    HP_MAIL_OPENING = 5,    /* all opening positions have been sent */
    HP_MAIL_SPARE = 6,      /* aux = instrument; u64 CLOCK_MONOTONIC when it was asked for, REST body, padding */
    /* lane to cold side */
    HP_MAIL_WANT = 64,      /* aux = enum hp_want; payload: u32 what, u32 instrument or detail */
    HP_MAIL_LOG = 65        /* a line of text */
};

/* What a lane asks of the cold side. */
enum hp_want {
    HP_WANT_NONE = 0, HP_WANT_SNAPSHOT = 1, HP_WANT_LOGON = 2, HP_WANT_LISTEN_KEY = 3, HP_WANT_TRADES = 4,
    HP_WANT_STATUS = 5,
    HP_WANT_STREAM = 6,     /* one stream anew, on its socket: aux = instrument + (event kind << 16) */
    HP_WANT_RECONNECT = 7   /* a market socket anew: aux = socket */
};
/* cffi:end */

#endif

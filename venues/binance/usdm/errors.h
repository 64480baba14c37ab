/* errors.h - the venue's error codes as what a trader does about them.
 *
 * Owns:    code -> enum hp_error, and which answers leave the outcome open.
 * Refuses: texts of errors (they change), HTTP bans (session.py). */
#ifndef USDM_ERRORS_H
#define USDM_ERRORS_H

#include "order.h"

#define USDM_TOO_MANY_ORDERS (-1015) /* of this account; -1003 is about the address */

static inline uint8_t usdm_error(int64_t code)
{
    switch (code) {
    case -1000: /* unknown error */
    case -1001: /* internal error */
    case -1006: /* unexpected response, execution status unknown */
    case -1007: /* timeout, execution status unknown */
        return HP_ERROR_UNKNOWN_OUTCOME;
    case -1003: /* too many requests */
    case -1015: /* too many orders */
        return HP_ERROR_RATE;
    case -1008: /* throttled by the system; reduce-only orders are exempt */
        return HP_ERROR_VENUE_BUSY;
    case -1021: /* timestamp outside recvWindow */
    case -5028: /* the same, at the matching engine */
        return HP_ERROR_CLOCK;
    case -1002: /* not authorized */
    case -1022: /* signature */
    case -2014: /* key format */
    case -2015: /* key, address or permission */
    case -2017: /* keys locked */
        return HP_ERROR_AUTH;
    case -1013: /* a filter */
    case -1111: /* precision */
    case -4001: /* price below 0 */
    case -4002: /* price above its maximum */
    case -4003: /* quantity not above 0 */
    case -4004: /* quantity below its minimum */
    case -4005: /* quantity above its maximum */
    case -4013: /* price below its minimum */
    case -4014: /* tick size */
    case -4016: /* price band, above */
    case -4023: /* step size */
    case -4024: /* price band, below */
    case -4029: /* precision of the tick size */
    case -4030: /* precision of the step size */
    case -4131: /* percent price of a market order */
    case -4164: /* notional */
    case -5029: /* notional of a change */
        return HP_ERROR_FILTER;
    case -2018: /* balance */
    case -2019: /* margin */
    case -2027: /* position at this leverage */
    case -2028: /* margin at this leverage */
    case -4050: /* cross balance */
    case -4051: /* isolated balance */
        return HP_ERROR_FUNDS;
    case -5022: /* would take */
        return HP_ERROR_POST_ONLY;
    case -2022: /* reduce-only refused */
    case -2024: /* position too small */
    case -4118: /* reduce-only against position and open orders */
        return HP_ERROR_REDUCE_ONLY;
    case -4116: /* client order id in use */
        return HP_ERROR_DUPLICATE_ID;
    case -2011: /* cancel of an unknown order */
    case -2013: /* no such order */
        return HP_ERROR_UNKNOWN_ORDER;
    default:
        return HP_ERROR_OTHER;
    }
}

/* Does an answer leave open what became of the request?  Of the server's own errors (5xx) only the
 * throttle says for certain that nothing was done. */
static inline int usdm_is_open(int64_t status, uint8_t error)
{
    return error == HP_ERROR_UNKNOWN_OUTCOME || (status >= 500 && error != HP_ERROR_VENUE_BUSY);
}

#endif

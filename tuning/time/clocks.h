/* clocks.h - what the kernel says about its clocks and a network card's clock, read only.
 *
 * Owns:    adjtimex state, frequency of a PTP hardware clock (PHC), cross stamps PHC <-> system clock,
 *          what a network interface can stamp and whether its filter is on.
 * Refuses: setting any clock, judging (verdict.py), finding devices (phc.py).
 *
 * Every call returns 0 or a negative errno; a failed call leaves its record zeroed. */
#ifndef HOST_CLOCKS_H
#define HOST_CLOCKS_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
#define HOST_CROSS_SAMPLES 25

typedef struct host_timex {
    int32_t state;            /* return of adjtimex(2): 5 = TIME_ERROR, not synchronised */
    int32_t status;           /* STA_* bits */
    int64_t offset_ns;        /* still to be slewed */
    int64_t freq_ppm_q16;     /* parts per million, 16.16 fixed point */
    int64_t maxerror_us;
    int64_t esterror_us;
    int64_t tick_us;
    int32_t tai_s;            /* TAI - UTC as the kernel knows it; 0 = nobody told it */
    int32_t pad;
} host_timex_t;

enum host_cross_method {
    HOST_CROSS_NONE = 0,
    HOST_CROSS_READ = 1,      /* PTP_SYS_OFFSET: neighbouring reads */
    HOST_CROSS_EXTENDED = 2,  /* PTP_SYS_OFFSET_EXTENDED: stamps around the PCIe read */
    HOST_CROSS_PRECISE = 3    /* PTP_SYS_OFFSET_PRECISE: latched by hardware */
};

typedef struct host_cross {
    int64_t phc_ns;
    int64_t system_ns;        /* CLOCK_REALTIME at that instant */
    int64_t width_ns;         /* system clock between the two reads around it; 0 when latched */
    int32_t method;           /* enum host_cross_method */
    int32_t samples;
} host_cross_t;

typedef struct host_sample { /* PTP_SYS_OFFSET_EXTENDED, one row, in nanoseconds */
    int64_t before_ns;
    int64_t phc_ns;
    int64_t after_ns;
} host_sample_t;

typedef struct host_phc {
    int32_t max_adj_ppb;
    int32_t pps;
    int32_t n_ext_ts;
    int32_t has_precise;      /* cross stamps latched by hardware */
} host_phc_t;

typedef struct host_instant { /* the system's clocks at one instant */
    int64_t realtime_ns;
    int64_t monotonic_ns;
    int64_t raw_ns;           /* CLOCK_MONOTONIC_RAW: no frequency steering */
    int64_t tai_ns;
    int64_t width_ns;         /* raw clock between the reads around it */
} host_instant_t;

typedef struct host_stamping {
    uint32_t so_timestamping; /* SOF_TIMESTAMPING_* that the interface offers */
    int32_t  phc_index;       /* -1 = no hardware clock */
    uint32_t tx_types;
    uint32_t rx_filters;
    int32_t  config_error;    /* errno of SIOCGHWTSTAMP; 0 = the next two fields are valid */
    int32_t  tx_type;
    int32_t  rx_filter;       /* 0 = no received packet is stamped by hardware */
    int32_t  pad;
} host_stamping_t;

int host_adjtimex(host_timex_t *out);
int host_phc_frequency(int fd, host_timex_t *out);
int host_phc_capabilities(int fd, host_phc_t *out);
int host_phc_time(int fd, int64_t *ns);
int host_phc_cross(int fd, int method, host_cross_t *out);
int host_cross_best(const host_sample_t *rows, int count, host_cross_t *out);
int host_instant(int tries, host_instant_t *out);
int64_t host_resolution_ns(int clock_id);
int host_stamping(const char *interface, host_stamping_t *out);
/* cffi:end */

#endif

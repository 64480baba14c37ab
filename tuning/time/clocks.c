/* clocks.c - system calls and ioctls behind clocks.h. */
#include "tuning/time/clocks.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/ptp_clock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

_Static_assert(HOST_CROSS_SAMPLES <= PTP_MAX_SAMPLES, "the kernel takes no more rows in one call");

/* The clock id of an open PHC: the kernel's encoding of a file descriptor. */
static clockid_t phc_clock(int fd) { return (clockid_t)((~(unsigned)fd << 3) | 3u); }

static int64_t to_ns(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_nsec; }

static int64_t ptp_ns(struct ptp_clock_time t) { return t.sec * 1000000000 + (int64_t)t.nsec; }

static host_sample_t row_of(struct ptp_clock_time before, struct ptp_clock_time phc,
                            struct ptp_clock_time after)
{
    host_sample_t row = {ptp_ns(before), ptp_ns(phc), ptp_ns(after)};
    return row;
}

static int timex_of(clockid_t clock, host_timex_t *out)
{
    struct timex t;
    memset(out, 0, sizeof *out);
    memset(&t, 0, sizeof t); /* modes 0: read, change nothing */
    int state = clock_adjtime(clock, &t);
    if (state < 0) return -errno;
    out->state = state;
    out->status = t.status;
    out->offset_ns = (t.status & STA_NANO) ? (int64_t)t.offset : (int64_t)t.offset * 1000;
    out->freq_ppm_q16 = t.freq;
    out->maxerror_us = t.maxerror;
    out->esterror_us = t.esterror;
    out->tick_us = t.tick;
    out->tai_s = t.tai;
    return 0;
}

int host_adjtimex(host_timex_t *out) { return timex_of(CLOCK_REALTIME, out); }

int host_phc_frequency(int fd, host_timex_t *out) { return timex_of(phc_clock(fd), out); }

int host_phc_capabilities(int fd, host_phc_t *out)
{
    struct ptp_clock_caps caps;
    memset(out, 0, sizeof *out);
    memset(&caps, 0, sizeof caps);
    if (ioctl(fd, PTP_CLOCK_GETCAPS, &caps) < 0) return -errno;
    out->max_adj_ppb = caps.max_adj;
    out->pps = caps.pps;
    out->n_ext_ts = caps.n_ext_ts;
    out->has_precise = caps.cross_timestamping;
    return 0;
}

int host_phc_time(int fd, int64_t *ns)
{
    struct timespec t;
    *ns = 0;
    if (clock_gettime(phc_clock(fd), &t) < 0) return -errno;
    *ns = to_ns(t);
    return 0;
}

/* Take the row whose system reads stand closest together: the least room for error. */
int host_cross_best(const host_sample_t *rows, int count, host_cross_t *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++) {
        int64_t width = rows[i].after_ns - rows[i].before_ns;
        if (width < 0) continue; /* the system clock was stepped in between */
        if (out->samples == 0 || width < out->width_ns) {
            out->phc_ns = rows[i].phc_ns;
            out->system_ns = rows[i].before_ns + width / 2;
            out->width_ns = width;
        }
        out->samples++;
    }
    return out->samples ? 0 : -ENODATA;
}

static int cross_precise(int fd, host_cross_t *out)
{
    struct ptp_sys_offset_precise p;
    memset(&p, 0, sizeof p);
    if (ioctl(fd, PTP_SYS_OFFSET_PRECISE, &p) < 0) return -errno;
    out->phc_ns = ptp_ns(p.device);
    out->system_ns = ptp_ns(p.sys_realtime);
    out->samples = 1;
    return 0;
}

static int cross_extended(int fd, host_cross_t *out)
{
    struct ptp_sys_offset_extended e;
    host_sample_t rows[HOST_CROSS_SAMPLES];
    memset(&e, 0, sizeof e);
    e.n_samples = HOST_CROSS_SAMPLES;
    if (ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &e) < 0) return -errno;
    for (int i = 0; i < HOST_CROSS_SAMPLES; i++) rows[i] = row_of(e.ts[i][0], e.ts[i][1], e.ts[i][2]);
    return host_cross_best(rows, HOST_CROSS_SAMPLES, out);
}

static int cross_read(int fd, host_cross_t *out)
{
    struct ptp_sys_offset o;
    host_sample_t rows[HOST_CROSS_SAMPLES];
    memset(&o, 0, sizeof o);
    o.n_samples = HOST_CROSS_SAMPLES;
    if (ioctl(fd, PTP_SYS_OFFSET, &o) < 0) return -errno;
    for (int i = 0; i < HOST_CROSS_SAMPLES; i++)
        rows[i] = row_of(o.ts[2 * i], o.ts[2 * i + 1], o.ts[2 * i + 2]);
    return host_cross_best(rows, HOST_CROSS_SAMPLES, out);
}

int host_phc_cross(int fd, int method, host_cross_t *out)
{
    int error = -EINVAL;
    memset(out, 0, sizeof *out);
    if (method == HOST_CROSS_PRECISE) error = cross_precise(fd, out);
    if (method == HOST_CROSS_EXTENDED) error = cross_extended(fd, out);
    if (method == HOST_CROSS_READ) error = cross_read(fd, out);
    if (error) memset(out, 0, sizeof *out);
    else out->method = method;
    return error;
}

int host_instant(int tries, host_instant_t *out)
{
    memset(out, 0, sizeof *out);
    out->width_ns = INT64_MAX;
    while (tries-- > 0) {
        struct timespec before, real, mono, tai, after;
        if (clock_gettime(CLOCK_MONOTONIC_RAW, &before) < 0 || clock_gettime(CLOCK_REALTIME, &real) < 0 ||
            clock_gettime(CLOCK_MONOTONIC, &mono) < 0 || clock_gettime(CLOCK_TAI, &tai) < 0 ||
            clock_gettime(CLOCK_MONOTONIC_RAW, &after) < 0) {
            memset(out, 0, sizeof *out);
            return -errno;
        }
        int64_t width = to_ns(after) - to_ns(before);
        if (width >= out->width_ns) continue;
        out->width_ns = width;
        out->raw_ns = to_ns(before) + width / 2;
        out->realtime_ns = to_ns(real);
        out->monotonic_ns = to_ns(mono);
        out->tai_ns = to_ns(tai);
    }
    return 0;
}

int64_t host_resolution_ns(int clock_id)
{
    struct timespec t;
    return clock_getres((clockid_t)clock_id, &t) < 0 ? (int64_t)-errno : to_ns(t);
}

int host_stamping(const char *interface, host_stamping_t *out)
{
    struct ifreq request;
    struct ethtool_ts_info offered;
    struct hwtstamp_config config;
    memset(out, 0, sizeof *out);
    out->phc_index = -1;
    if (strlen(interface) >= IFNAMSIZ) return -ENAMETOOLONG;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, interface, strlen(interface));
    memset(&offered, 0, sizeof offered);
    offered.cmd = ETHTOOL_GET_TS_INFO;
    request.ifr_data = (char *)&offered;
    int error = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
    if (error == 0) {
        out->so_timestamping = offered.so_timestamping;
        out->phc_index = offered.phc_index;
        out->tx_types = offered.tx_types;
        out->rx_filters = offered.rx_filters;
        memset(&config, 0, sizeof config);
        request.ifr_data = (char *)&config;
        out->config_error = ioctl(fd, SIOCGHWTSTAMP, &request) < 0 ? errno : 0;
        out->tx_type = config.tx_type;
        out->rx_filter = config.rx_filter;
    }
    close(fd);
    return error;
}

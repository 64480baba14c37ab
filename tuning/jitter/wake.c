/* wake.c - sleeping, waking, ping-pong: the loops of wake.h. */
#include "tuning/jitter/wake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

#define MESSAGE_BYTES 64

static struct timespec to_timespec(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    return t;
}

static int start_partner(pthread_t *thread, void *(*body)(void *), void *argument, int core)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error) return -error;
    if (core >= 0 && core < CPU_SETSIZE) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)core, &set);
        error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (error == 0) error = pthread_create(thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return -error;
}

int host_wake_timer(uint64_t duration_ns, uint64_t interval_ns, hp_histogram_t *overshoot)
{
    uint64_t now = hp_mono_ns(), end = now + duration_ns;
    while (now < end) {
        uint64_t wanted = now + interval_ns;
        struct timespec t = to_timespec(wanted);
        int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        if (error && error != EINTR) return -error;
        now = hp_mono_ns();
        if (error == 0) hp_histogram_record(overshoot, now > wanted ? now - wanted : 0);
    }
    return 0;
}

typedef struct waker {
    uint64_t until_ns;
    uint64_t pause_ns;
    uint64_t stamp_ns; /* written before the wake-up, 0 = the waker is done */
    uint32_t word;     /* futex */
    int kind;
    int event;
} waker_t;

static void *wake_partner(void *argument)
{
    waker_t *w = argument;
    int is_last = 0;
    while (!is_last) {
        struct timespec pause = to_timespec(w->pause_ns);
        nanosleep(&pause, NULL); /* long enough for the waiter to fall asleep */
        uint64_t now = hp_mono_ns();
        is_last = now >= w->until_ns;
        hp_store_release(&w->stamp_ns, is_last ? 0 : now);
        if (w->kind == HOST_WAKE_EVENTFD) {
            uint64_t one = 1;
            ssize_t wrote = write(w->event, &one, sizeof one);
            (void)wrote; /* a counter of 1 always fits */
        } else {
            hp_store32_release(&w->word, w->word + 1);
            syscall(SYS_futex, &w->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        }
    }
    return NULL;
}

/* Sleep until the partner wakes us.  `seen` is the futex word as of the last wake-up. */
static void wait_once(waker_t *w, uint32_t *seen)
{
    if (w->kind == HOST_WAKE_EVENTFD) {
        uint64_t count;
        while (read(w->event, &count, sizeof count) < 0 && errno == EINTR) {}
        return;
    }
    while (hp_load32_acquire(&w->word) == *seen)
        syscall(SYS_futex, &w->word, FUTEX_WAIT_PRIVATE, *seen, NULL, NULL, 0);
    *seen = hp_load32_acquire(&w->word);
}

int host_wake_pair(int kind, int partner_core, uint64_t duration_ns, uint64_t pause_ns,
                   hp_histogram_t *latency)
{
    waker_t w = {.pause_ns = pause_ns, .kind = kind, .event = -1};
    pthread_t partner;
    uint32_t seen = 0;
    if (kind != HOST_WAKE_EVENTFD && kind != HOST_WAKE_FUTEX) return -EINVAL;
    if (kind == HOST_WAKE_EVENTFD && (w.event = eventfd(0, EFD_CLOEXEC)) < 0) return -errno;
    w.until_ns = hp_mono_ns() + duration_ns;
    int error = start_partner(&partner, wake_partner, &w, partner_core);
    while (error == 0) {
        wait_once(&w, &seen);
        uint64_t now = hp_mono_ns();
        uint64_t stamp = hp_load_acquire(&w.stamp_ns);
        if (stamp == 0) break;
        hp_histogram_record(latency, now > stamp ? now - stamp : 0);
    }
    if (error == 0) pthread_join(partner, NULL);
    if (w.event >= 0) close(w.event);
    return error;
}

/* Read one whole message.  Returns 1, or 0 when the other side is gone. */
static int receive_all(int fd, char *message, int spinning)
{
    size_t have = 0;
    while (have < MESSAGE_BYTES) {
        ssize_t got = recv(fd, message + have, MESSAGE_BYTES - have, spinning ? MSG_DONTWAIT : 0);
        if (got > 0) have += (size_t)got;
        else if (got == 0 || (errno != EAGAIN && errno != EINTR)) return 0;
    }
    return 1;
}

typedef struct echo {
    int fd;
    int spinning;
} echo_t;

static void *echo_partner(void *argument)
{
    echo_t *e = argument;
    char message[MESSAGE_BYTES];
    while (receive_all(e->fd, message, e->spinning))
        if (send(e->fd, message, sizeof message, MSG_NOSIGNAL) != (ssize_t)sizeof message) break;
    return NULL;
}

/* A connected TCP pair on 127.0.0.1, Nagle off. */
static int tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1, error = 0;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[1] = -1;
    if (server < 0 || pair[0] < 0 || bind(server, (struct sockaddr *)&address, size) < 0 ||
        listen(server, 1) < 0 || getsockname(server, (struct sockaddr *)&address, &size) < 0 ||
        connect(pair[0], (struct sockaddr *)&address, size) < 0 ||
        (pair[1] = accept4(server, NULL, NULL, SOCK_CLOEXEC)) < 0)
        error = -errno;
    for (int i = 0; i < 2 && error == 0; i++)
        if (setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) error = -errno;
    if (server >= 0) close(server);
    for (int i = 0; i < 2 && error; i++)
        if (pair[i] >= 0) close(pair[i]);
    return error;
}

int host_loopback(int spinning, int partner_core, uint64_t duration_ns, hp_histogram_t *round_trip)
{
    int pair[2];
    pthread_t partner;
    char message[MESSAGE_BYTES] = {0};
    int error = tcp_pair(pair);
    if (error) return error;
    echo_t e = {.fd = pair[1], .spinning = spinning};
    error = start_partner(&partner, echo_partner, &e, partner_core);
    int is_running = error == 0;
    uint64_t now = hp_mono_ns(), end = now + duration_ns;
    while (error == 0 && now < end) {
        uint64_t sent = now;
        if (send(pair[0], message, sizeof message, MSG_NOSIGNAL) != (ssize_t)sizeof message) error = -errno;
        else if (!receive_all(pair[0], message, spinning)) error = -ECONNRESET;
        now = hp_mono_ns();
        if (error == 0) hp_histogram_record(round_trip, now - sent);
    }
    shutdown(pair[0], SHUT_RDWR);
    if (is_running) pthread_join(partner, NULL);
    close(pair[0]);
    close(pair[1]);
    return error;
}

uint64_t host_clock_cost_ps(int clock_id, int batches)
{
    uint64_t best = UINT64_MAX;
    volatile uint64_t sink = 0;
    while (batches-- > 0) {
        uint64_t start = hp_mono_ns();
        for (int i = 0; i < 1000; i++) sink += clock_id < 0 ? hp_tsc() : hp_clock_ns((clockid_t)clock_id);
        uint64_t cost = hp_mono_ns() - start;
        if (cost < best) best = cost;
    }
    return best; /* ns per 1000 reads = ps per read */
}

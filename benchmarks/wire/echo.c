/* echo.c - the anchors of the wire benchmark: a C round trip on loopback TCP, spinning or in epoll.
 *
 * One process on each core, messages of the size that the wire benchmark has (about 300 bytes there,
 * 250 back), the same clock.  What Python adds is the ratio to this.
 *
 * usage: echo COUNT spin|epoll CLIENT_CORE SERVER_CORE     prints one line of JSON */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THERE 300
#define BACK 250

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set)) { perror("echo: pin"); exit(2); }
}

static void whole(int fd, int epoll, char *buffer, size_t size)
{
    size_t have = 0;
    while (have < size) {
        if (epoll >= 0) {
            struct epoll_event event;
            epoll_wait(epoll, &event, 1, -1);
        }
        ssize_t n = recv(fd, buffer + have, size - have, 0);
        if (n == 0) exit(0);
        if (n > 0) have += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR) exit(2);
    }
}

static void prepare(int fd, int *epoll, int blocking)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    *epoll = -1;
    if (blocking) {
        struct epoll_event event = { .events = EPOLLIN };
        *epoll = epoll_create1(0);
        epoll_ctl(*epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc < 5) { fputs("usage: echo COUNT spin|epoll CLIENT_CORE SERVER_CORE\n", stderr); return 2; }
    size_t count = strtoul(argv[1], NULL, 10);
    int blocking = !strcmp(argv[2], "epoll"), epoll;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1)) { perror("echo: listen"); return 2; }
    getsockname(listener, (struct sockaddr *)&address, &length);
    char buffer[1024] = { 0 };
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(atoi(argv[4]));
        int fd = accept(listener, NULL, NULL);
        prepare(fd, &epoll, blocking);
        for (;;) {
            whole(fd, epoll, buffer, THERE);
            if (send(fd, buffer, BACK, 0) != BACK) exit(2);
        }
    }
    pin(atoi(argv[3]));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) { perror("echo: connect"); return 2; }
    prepare(fd, &epoll, blocking);
    uint64_t *samples = calloc(count, sizeof *samples);
    for (size_t n = 0; n < count + 1000; n++) {
        uint64_t start = now_ns();
        if (send(fd, buffer, THERE, 0) != THERE) return 2;
        whole(fd, epoll, buffer, BACK);
        uint64_t took = now_ns() - start;
        if (n >= 1000) samples[n - 1000] = took;
        uint64_t rest = now_ns() + 20000;
        while (now_ns() < rest) {}
    }
    kill(child, SIGKILL);
    qsort(samples, count, sizeof *samples, by_size);
#define Q(p) ((double)samples[(size_t)((double)(count - 1) * (p))] / 1000.0)
    printf("{\"count\": %zu, \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f}\n", count, Q(0.5), Q(0.99), Q(0.999), Q(1.0));
    return 0;
}

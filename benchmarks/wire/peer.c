/* peer.c - the venue's end of the wire benchmark: plays frames, checks what comes back.
 *
 * Question: how long from the first byte of a market frame written to the last byte of the order that
 * it causes read, with the lane's journal, gate and counters on?
 *
 * One thread that spins.  It accepts three WebSocket clients (market, orders, user), answers the
 * logon, then plays depth frames whose best bid moves every time, and times each until the order is
 * there.  Price and client order id of every order are checked; the order is then refused (post-only),
 * so that the lane is flat again.  With `backlog` it measures the acknowledgement behind 1 MiB of
 * market frames instead: the strategy cancels on the acknowledgement, and that cancel is timed.
 *
 * With `flood` it plays COUNT frames as fast as they are taken, on which nobody trades, and after each
 * million says so and waits for a line on standard input.
 *
 * usage: peer COUNT WARMUP (trade|backlog|flood) CERT|-     prints one line of JSON with all samples' figures */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define TEXT_MAX (1 << 21)
#define BACKLOG_BYTES (1 << 20)

typedef struct {
    int fd;
#ifdef WITH_TLS
    SSL *ssl;
#endif
    char in[65536];
    size_t have;
} conn_t;

static conn_t market, orders, user;
static char frame[TEXT_MAX + 16], text[TEXT_MAX];
static uint64_t update_id = 1000000;
static int64_t bid = 600000, old_bid = 0; /* tenths */
static int64_t bids[8];      /* of the last frames */
static size_t frames;
static const char *bid_size = "40.959";

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("peer: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ssize_t get(conn_t *c, char *to, size_t room)
{
#ifdef WITH_TLS
    if (c->ssl) {
        int n = SSL_read(c->ssl, to, (int)room);
        if (n > 0) return n;
        int e = SSL_get_error(c->ssl, n);
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) { errno = EAGAIN; return -1; }
        return 0;
    }
#endif
    return recv(c->fd, to, room, 0);
}

static void put(conn_t *c, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n;
#ifdef WITH_TLS
        if (c->ssl) {
            int done = SSL_write(c->ssl, data, (int)size);
            n = done > 0 ? done : -1;
            if (done <= 0) errno = SSL_get_error(c->ssl, done) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
        } else
#endif
            n = send(c->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) fail("the lane closed a socket while it was written to");
        data += n;
        size -= (size_t)n;
    }
}

/* SHA-1 of the handshake key: RFC 6455 asks for it, nothing depends on its strength. */
static void sha1(const uint8_t *data, size_t size, uint8_t out[20])
{
    uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 }, w[80];
    uint8_t block[128] = { 0 };
    size_t blocks = size + 9 <= 64 ? 1 : 2;
    memcpy(block, data, size);
    block[size] = 0x80;
    uint64_t bits = size * 8;
    for (int i = 0; i < 8; i++) block[blocks * 64 - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));
    for (size_t b = 0; b < blocks; b++) {
        for (int i = 0; i < 16; i++) {
            const uint8_t *p = block + b * 64 + (size_t)i * 4;
            w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) {
            uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
            w[i] = x << 1 | x >> 31;
        }
        uint32_t a = h[0], bb = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? ((bb & c) | (~bb & d)) : i < 40 ? (bb ^ c ^ d) : i < 60 ? ((bb & c) | (bb & d) | (c & d)) : (bb ^ c ^ d);
            uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
            uint32_t t = (a << 5 | a >> 27) + f + e + k + w[i];
            e = d; d = c; c = bb << 30 | bb >> 2; bb = a; a = t;
        }
        h[0] += a; h[1] += bb; h[2] += c; h[3] += d; h[4] += e;
    }
    for (int i = 0; i < 20; i++) out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *in, size_t size, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < size ? in[i + 2] : 0);
        *out++ = digits[v >> 18 & 63];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < size ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < size ? digits[v & 63] : '=';
    }
    *out = 0;
}

/* Accept one client, do its handshake; the path says which of the three it is. */
static void accept_one(int listener, void *tls)
{
    conn_t c;
    memset(&c, 0, sizeof c);
    c.fd = accept(listener, NULL, NULL);
    if (c.fd < 0) fail("accept: %s", strerror(errno));
    int one = 1, room = 4 << 20;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
#ifdef WITH_TLS
    if (tls) {
        c.ssl = SSL_new((SSL_CTX *)tls);
        SSL_set_fd(c.ssl, c.fd);
        if (SSL_accept(c.ssl) != 1) fail("TLS handshake failed");
    }
#else
    (void)tls;
#endif
    while (!memmem(c.in, c.have, "\r\n\r\n", 4)) {
        ssize_t n = get(&c, c.in + c.have, sizeof c.in - 1 - c.have);
        if (n <= 0) fail("no handshake");
        c.have += (size_t)n;
    }
    c.in[c.have] = 0;
    char *key = strcasestr(c.in, "sec-websocket-key:"), both[128], answer[64], reply[512];
    if (!key) fail("no key in the handshake");
    key += 18;
    while (*key == ' ') key++;
    int size = snprintf(both, sizeof both, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    uint8_t digest[20];
    sha1((uint8_t *)both, (size_t)size, digest);
    base64(digest, 20, answer);
    int n = snprintf(reply, sizeof reply, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", answer);
    put(&c, reply, (size_t)n);
    conn_t *to = strstr(c.in, "GET /market") ? &market : strstr(c.in, "GET /orders") ? &orders : &user;
    c.have = 0;
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    *to = c;
}

static size_t wrap(char *out, const char *payload, size_t size)
{
    uint8_t *p = (uint8_t *)out;
    *p++ = 0x81;
    if (size < 126) *p++ = (uint8_t)size;
    else if (size < 65536) { *p++ = 126; *p++ = (uint8_t)(size >> 8); *p++ = (uint8_t)size; }
    else fail("frame too large");
    memcpy(p, payload, size);
    return (size_t)(p - (uint8_t *)out) + size;
}

static void say(conn_t *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(c, frame, wrap(frame, text, (size_t)size));
}

/* Next text message of a client, unmasked in place; NULL while none is complete.  *at = time of its last byte. */
static char *listen_to(conn_t *c, uint64_t *at)
{
    static char message[65536];
    for (;;) {
        if (c->have >= 6) {
            uint8_t *p = (uint8_t *)c->in;
            size_t size = p[1] & 127, head = 2;
            if (size == 126) { size = (size_t)p[2] << 8 | p[3]; head = 4; }
            if (c->have >= head + 4 + size) {
                uint8_t *mask = p + head, *body = mask + 4, opcode = p[0] & 15;
                for (size_t i = 0; i < size; i++) message[i] = (char)(body[i] ^ mask[i & 3]);
                message[size] = 0;
                c->have -= head + 4 + size;
                memmove(c->in, body + size, c->have);
                if (opcode == 1) return message;
                if (opcode == 9) { uint8_t pong[140] = { 0x8a, (uint8_t)size }; memcpy(pong + 2, message, size); put(c, (char *)pong, size + 2); }
                if (opcode == 8) fail("the lane said goodbye");
                continue;
            }
        }
        ssize_t n = get(c, c->in + c->have, sizeof c->in - c->have);
        if (n < 0 && errno == EAGAIN) return NULL;
        if (n <= 0) fail("the lane closed a socket");
        *at = now_ns();
        c->have += (size_t)n;
    }
}

static char *wait_for(conn_t *c, uint64_t *at, const char *what)
{
    uint64_t until = now_ns() + 5000000000u;
    char *message;
    while (!(message = listen_to(c, at)))
        if (now_ns() > until) fail("nothing came back within 5 s (%s), bid %ld update %lu", what, (long)bid, (unsigned long)update_id);
    return message;
}

static int field(const char *message, const char *name, char *to, size_t room)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *p = strstr(message, key);
    if (!p) return 0;
    p += strlen(key);
    size_t n = strcspn(p, "\"");
    if (n >= room) return 0;
    memcpy(to, p, n);
    to[n] = 0;
    return 1;
}

/* A depth frame that moves the best bid; the heavy bid makes the demo strategy join it. */
static int depth(char *to, size_t room)
{
    uint64_t before = update_id;
    update_id += 7;
    old_bid = bid;
    bid += (update_id / 7) % 2 ? 3 : -2;
    if (bid > 600500) bid = 600000;
    bids[++frames % 8] = bid;
    return snprintf(to, room,
        "{\"stream\":\"btcusdt@depth@0ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1723161258284,\"T\":1723161258280,\"s\":\"BTCUSDT\","
        "\"U\":%lu,\"u\":%lu,\"pu\":%lu,\"b\":[[\"%ld.%ld0\",\"0.000\"],[\"%ld.%ld0\",\"%s\"],[\"59000.00\",\"1.25%lu\"]],\"a\":[[\"60100.10\",\"4.06%lu\"]]}}",
        before + 1, update_id, before, (long)old_bid / 10, (long)old_bid % 10, (long)bid / 10, (long)bid % 10, bid_size, update_id % 9 + 1, update_id % 9 + 1);
}

/* What must hold of an order.  1: it answers the frame just played; 0: one of the seven before (a lane that
 * was off its core worked them off late); anything else ends the run. */
static int check(const char *message, char *id, int backlog)
{
    char price[32], wanted[32];
    static char last[64];
    if (!strstr(message, "\"order.place\"") || !field(message, "price", price, sizeof price) || !field(message, "newClientOrderId", id, 64))
        fail("not an order: %s", message);
    if (!strcmp(id, last)) fail("client order id %s came twice", id);
    strcpy(last, id);
    for (int back = 0; back < 8; back++) {
        int64_t then = bids[(frames - (size_t)back) % 8];
        snprintf(wanted, sizeof wanted, "%ld.%ld", (long)then / 10, (long)then % 10);
        if (!strcmp(price, wanted)) return back == 0;
    }
    if (!backlog) fail("order at %s, the last eight frames had no such best bid", price);
    return 1; /* behind a backlog it may answer any frame of the burst */
}

/* End whatever a message is about, so that the lane holds no order of an earlier frame. */
static void settle(const char *message)
{
    char request[96], id[64];
    if (!field(message, "id", request, sizeof request)) fail("request without id: %s", message);
    if (strstr(message, "\"order.place\""))
        say(&orders, "{\"id\":\"%s\",\"status\":400,\"error\":{\"code\":-5022,\"msg\":\"Due to the order could not be executed as maker, the Post Only order will be rejected.\"}}", request);
    else if (field(message, "origClientOrderId", id, sizeof id))
        say(&orders, "{\"id\":\"%s\",\"status\":200,\"result\":{\"orderId\":1,\"symbol\":\"BTCUSDT\",\"status\":\"CANCELED\",\"clientOrderId\":\"%s\",\"origQty\":\"0.005\",\"executedQty\":\"0.000\",\"price\":\"1.0\",\"side\":\"BUY\",\"positionSide\":\"BOTH\",\"timeInForce\":\"GTX\",\"type\":\"LIMIT\",\"reduceOnly\":false,\"updateTime\":1}}", request, id);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* who plays against it may be killed: then nobody ends it */
    if (argc < 5) fail("usage: peer COUNT WARMUP trade|backlog CERT|-");
    size_t count = strtoul(argv[1], NULL, 10), warmup = strtoul(argv[2], NULL, 10);
    int backlog = !strcmp(argv[3], "backlog");
    void *tls = NULL;
#ifdef WITH_TLS
    if (strcmp(argv[4], "-")) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(context, argv[4]) != 1 || SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
            fail("cannot load %s", argv[4]);
        SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
        tls = context;
    }
#endif
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) fail("listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    for (int i = 0; i < 3; i++) accept_one(listener, tls);

    uint64_t at = 0, *samples = calloc(count + 1, sizeof *samples);
    char *message = wait_for(&orders, &at, "logon"), id[64], request[96];
    if (!strstr(message, "session.logon") || !field(message, "id", request, sizeof request)) fail("no logon: %s", message);
    say(&orders, "{\"id\":\"%s\",\"status\":200,\"result\":{\"apiKey\":\"x\",\"authorizedSince\":1,\"connectedSince\":1,\"returnRateLimits\":false,\"serverTime\":1}}", request);
    usleep(300000); /* the cold side hands in the snapshot meanwhile */
    size_t replayed = 0;
    if (!strcmp(argv[3], "flood")) {
        char *chunk = malloc(1 << 17), line[16];
        bid_size = "0.001";
        for (size_t n = 0, filled = 0; n < count; n++) {
            int size = depth(text, sizeof text);
            filled += wrap(chunk + filled, text, (size_t)size);
            if (filled > 1 << 16 || n + 1 == count || (n + 1) % 1000000 == 0) { put(&market, chunk, filled); filled = 0; }
            if ((n + 1) % 1000000 == 0) {
                printf("{\"played\": %zu}\n", n + 1);
                fflush(stdout);
                if (!fgets(line, sizeof line, stdin)) return 0;
            }
        }
        return 0;
    }
    char *burst = malloc(2 * BACKLOG_BYTES);
    for (size_t n = 0; n < count + warmup; n++) {
        int size = depth(text, sizeof text);
        size_t whole = wrap(frame, text, (size_t)size);
        uint64_t start = now_ns();
        put(&market, frame, whole);
        /* A lane that was off its core when the last refusal came still holds that order, and this frame
         * finds it not flat: play the next one, and say how often that was. */
        while (!(message = listen_to(&orders, &at)))
            if (now_ns() - start > 100000000u) break;
        if (!message) {
            if (++replayed > count / 10 + 10) fail("%zu of %zu frames brought no order", replayed, n);
            uint64_t calm = now_ns() + 200000000u; /* whatever the late lane still sends is not measured */
            while (now_ns() < calm)
                if ((message = listen_to(&orders, &at))) settle(message);
            n--;
            continue;
        }
        if (!strstr(message, "\"order.place\"")) { /* about an order of an earlier frame */
            settle(message);
            if (++replayed > count / 10 + 10) fail("%zu of %zu frames brought something else", replayed, n);
            n--;
            continue;
        }
        if (!backlog && n >= warmup) samples[n - warmup] = at - start;
        int is_prompt = check(message, id, backlog);
        if (!field(message, "id", request, sizeof request)) fail("order without request id");
        if (backlog) {
            size_t filled = 0;
            while (filled < BACKLOG_BYTES) {
                int one = depth(text, sizeof text);
                filled += wrap(burst + filled, text, (size_t)one);
            }
            put(&market, burst, filled);
            start = now_ns();
            say(&orders, "{\"id\":\"%s\",\"status\":200,\"result\":{\"orderId\":%lu,\"symbol\":\"BTCUSDT\",\"status\":\"NEW\",\"clientOrderId\":\"%s\",\"price\":\"1.0\",\"origQty\":\"0.005\",\"executedQty\":\"0.000\",\"side\":\"BUY\",\"positionSide\":\"BOTH\",\"timeInForce\":\"GTX\",\"type\":\"LIMIT\",\"reduceOnly\":false,\"updateTime\":1}}", request, (unsigned long)n + 1, id);
            message = wait_for(&orders, &at, "cancel");
            if (!strstr(message, "\"order.cancel\"")) fail("not a cancel: %s", message);
            if (n >= warmup) samples[n - warmup] = at - start;
            usleep(20000); /* let the lane work the backlog off */
            say(&user, "{\"e\":\"ORDER_TRADE_UPDATE\",\"T\":1,\"E\":1,\"o\":{\"s\":\"BTCUSDT\",\"c\":\"%s\",\"S\":\"BUY\",\"o\":\"LIMIT\",\"f\":\"GTX\",\"q\":\"0.005\",\"p\":\"1.0\",\"ap\":\"0\",\"sp\":\"0\",\"x\":\"CANCELED\",\"X\":\"CANCELED\",\"i\":%lu,\"l\":\"0\",\"z\":\"0\",\"L\":\"0\",\"n\":\"0\",\"N\":\"USDT\",\"T\":1,\"t\":0,\"m\":false,\"R\":false,\"ps\":\"BOTH\",\"rp\":\"0\"}}", id, (unsigned long)n + 1);
        } else {
            settle(message);
        }
        if (!is_prompt) {
            if (++replayed > count / 10 + 10) fail("%zu of %zu frames were not answered in time", replayed, n);
            n--;
        }
        uint64_t rest = now_ns() + (backlog ? 2000000 : 60000);
        while (now_ns() < rest) {}
        while ((message = listen_to(&orders, &at))) settle(message);
    }
    qsort(samples, count, sizeof *samples, by_size);
#define Q(p) ((double)samples[(size_t)((double)(count - 1) * (p))] / 1000.0)
    printf("{\"count\": %zu, \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f, \"min_us\": %.3f, \"replayed\": %zu}\n", count, Q(0.5), Q(0.99), Q(0.999), Q(1.0), Q(0.0), replayed);
    fflush(stdout);
    return 0;
}

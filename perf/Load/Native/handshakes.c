/*
 * A load generator for TLS handshakes: every connection makes one, asks once and waits for the end that the server makes. One thread, edge-triggered
 * epoll, closed loop: a connection that has ended is followed by the next. Latency is from connect(2) to the last byte of the answer.
 *
 * All that a handshake's cost depends on is fixed on this side: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519. The certificate's signature is verified, as the
 * protocol demands; whom it belongs to is not asked. With --resume one full handshake comes first, and every later one resumes the session of
 * the newest ticket; without it none is resumed, whatever the server offers.
 *
 * Each answer is checked: status 200, as many bytes of body as it says and as --body-size says, nothing after them. Each handshake is checked: resumed
 * or not, as it should be. What is wrong is listed, and the status is 3. The last line of the output is the result in JSON, times in microseconds;
 * "unclean" are connections that ended after a whole answer without close_notify. With --probe it makes one connection and says what was agreed on.
 *
 *   handshakes --port PORT [--connections N] [--seconds S | --requests N] [--body-size BYTES] [--path PATH] [--resume] [--patience S] [--probe]
 */
#define _GNU_SOURCE
#include "histogram.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* SECOND in nanoseconds. After GIVE_UP faults the rest of the run says nothing. */
enum { SECOND = 1000000000, MAX_HEAD = 8192, LISTED = 5, GIVE_UP = 100 };
enum state { SHAKING, SENDING, RECEIVING };

struct connection {
    int fd, resumes, in_body, answered;
    enum state state;
    SSL *ssl;
    int64_t begun;
    size_t held;                /* bytes of the head, or of the part of it that is there */
    size_t body, length;        /* received so far; as the head says */
    char head[MAX_HEAD + 1];
};

static struct {
    int port, connections, resume, probe;
    double seconds, patience;
    uint64_t requests;
    size_t body_size;
    const char *path;
} options = {.connections = 64, .seconds = 4, .patience = 5, .body_size = 50, .path = "/"};

static SSL_CTX *context;
static SSL_SESSION *newest;     /* of --resume */
static struct histogram latency;
static uint64_t requests, begun, resumed, unclean, tickets, faults;
static int64_t deadline, last_answer;
static int live, epoll;
static char request[1024];
static int request_length;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno != 0 ? strerror(errno) : ERR_reason_error_string(ERR_peek_error()));
    exit(1);
}

__attribute__((format(printf, 1, 2))) static void fault(const char *format, ...) {
    if (faults++ < LISTED) {
        va_list arguments;
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
    }
}

/* The reason in words of the library, or of the system where the library has none. */
static const char *reason(void) {
    unsigned long error = ERR_peek_error();
    const char *words = error != 0 ? ERR_reason_error_string(error) : NULL;
    return words != NULL ? words : errno != 0 ? strerror(errno) : "the connection ended";
}

/* A ticket came. 1: it is ours to free. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    tickets++;
    if (!options.resume) return 0;
    SSL_SESSION_free(newest);
    newest = session;
    return 1;
}

static void make_context(void) {
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) || !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") || !SSL_CTX_set1_groups_list(context, "X25519"))
        die("OpenSSL");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
}

/* Whether there is another connection to begin: by the number of them where that is given, by the time otherwise. */
static int goes_on(void) { return now() < deadline && (options.requests == 0 || begun < options.requests); }

static void begin(struct connection *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->ssl = SSL_new(context);
    begun++;
    if (c->fd < 0 || c->ssl == NULL) die("a connection");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->begun = now();
    c->state = SHAKING;
    c->held = c->body = c->length = 0;
    c->in_body = c->answered = 0;
    c->resumes = newest != NULL;
    if (c->resumes) {
        /* A copy: the library takes a session for used up once it was resumed, and other connections may be about to resume the same. */
        SSL_SESSION *copy = SSL_SESSION_dup(newest);
        if (copy == NULL || !SSL_set_session(c->ssl, copy)) die("a session");
        SSL_SESSION_free(copy);
    }
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    live++;
    /* A refusal shows in the first operation. */
    (void)!connect(c->fd, (struct sockaddr *)&address, sizeof address);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void end(struct connection *c) {
    /* As if it had been shut down in both directions: otherwise the library takes the session for a broken one and marks it not resumable. */
    SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(c->ssl);
    close(c->fd);
    c->ssl = NULL;
    live--;
}

/* 0 when the head is wrong. */
static int read_head(struct connection *c) {
    c->head[c->held] = 0;
    char *empty = strstr(c->head, "\r\n\r\n");
    if (empty == NULL) {
        if (c->held == MAX_HEAD) fault("the head of an answer does not end within %d bytes", MAX_HEAD);
        return c->held < MAX_HEAD;
    }
    const char *field = strcasestr(c->head, "\r\ncontent-length:");
    if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || field == NULL || field > empty) {
        fault("not an answer with status 200 and a length: %.*s", (int)strcspn(c->head, "\r\n"), c->head);
        return 0;
    }
    c->length = strtoul(field + 17, NULL, 10);
    c->in_body = 1;
    c->body = c->head + c->held - (empty + 4);
    return 1;
}

/* 0 when the answer is wrong. */
static int take(struct connection *c, size_t bytes) {
    if (c->in_body) {
        c->body += bytes;
    } else {
        c->held += bytes;
        if (!read_head(c)) return 0;
        if (!c->in_body) return 1;
    }
    if (c->length != options.body_size || c->body > c->length) {
        fault("a body of %zu bytes, %zu by its head: %zu were expected", c->body, c->length, options.body_size);
        return 0;
    }
    if (c->body == c->length && !c->answered) {
        c->answered = 1;
        requests++;
        last_answer = now();
        histogram_record(&latency, (last_answer - c->begun) / 1000);
    }
    return 1;
}

static int shaken(struct connection *c) {
    int reused = SSL_session_reused(c->ssl);
    resumed += reused;
    if (reused == c->resumes) return 1;
    fault(c->resumes ? "a handshake was not resumed" : "a handshake was resumed");
    return 0;
}

/* Goes on until it would block. 0 when the connection is over. */
static int go_on(struct connection *c) {
    static char body[65536];
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int n;
        if (c->state == SHAKING) n = SSL_do_handshake(c->ssl);
        else if (c->state == SENDING) n = SSL_write(c->ssl, request, request_length);
        else if (c->in_body) n = SSL_read(c->ssl, body, sizeof body);
        else n = SSL_read(c->ssl, c->head + c->held, MAX_HEAD - c->held);
        if (n > 0) {
            if (c->state == RECEIVING) {
                if (!take(c, n)) return 0;
            } else {
                if (c->state == SHAKING && !shaken(c)) return 0;
                c->state++;
            }
            continue;
        }
        int error = SSL_get_error(c->ssl, n);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 1;
        if (c->answered) unclean += error != SSL_ERROR_ZERO_RETURN;
        else if (c->state == SHAKING) fault("a handshake failed: %s", reason());
        else if (c->state == SENDING) fault("a request was not sent: %s", reason());
        else fault("an answer was cut short: %zu of %zu bytes of its body: %s", c->body, c->length, error == SSL_ERROR_ZERO_RETURN ? "close_notify" : reason());
        return 0;
    }
}

static void run(struct connection *connections, int count) {
    struct epoll_event events[256];
    begun = 0;
    for (int i = 0; i < count && goes_on(); i++) begin(&connections[i]);
    while (live > 0) {
        int64_t left = deadline + (int64_t)(options.patience * SECOND) - now();
        if (left <= 0) {
            fault("%d connections had no answer %g s after the end", live, options.patience);
            for (int i = 0; i < count; i++) if (connections[i].ssl != NULL) end(&connections[i]);
            return;
        }
        int n = epoll_wait(epoll, events, 256, left / 1000000 + 1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (go_on(c)) continue;
            end(c);
            if (goes_on() && faults < GIVE_UP) begin(c);
        }
    }
}

/* One connection alone: for the first ticket, and for the probe, which says what was agreed on. */
static void run_once(struct connection *c) {
    struct epoll_event event;
    int64_t given_up = now() + (int64_t)(options.patience * SECOND);
    begin(c);
    for (;;) {
        int64_t left = given_up - now();
        int over = 0;
        if (left <= 0) {
            fault("no answer within %g s", options.patience);
            over = 1;
        } else if (epoll_wait(epoll, &event, 1, left / 1000000 + 1) > 0) over = !go_on(c);
        if (!over) continue;
        if (options.probe && requests > 0) {
            X509 *certificate = SSL_get1_peer_certificate(c->ssl);
            EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
            char curve[64] = "";
            if (key != NULL) EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
            printf("{\"version\":\"%s\",\"cipher\":\"%s\",\"group\":\"%s\",\"key\":\"%s %s\",\"tickets\":%llu}\n", SSL_get_version(c->ssl),
                SSL_get_cipher_name(c->ssl), OBJ_nid2sn(SSL_get_negotiated_group(c->ssl)), key == NULL ? "" : EVP_PKEY_get0_type_name(key), curve,
                (unsigned long long)tickets);
            X509_free(certificate);
        }
        end(c);
        return;
    }
}

static void parse(int argc, char **argv) {
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'}, {"connections", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 's'}, {"requests", required_argument, NULL, 'n'},
        {"body-size", required_argument, NULL, 'b'}, {"path", required_argument, NULL, 'a'}, {"patience", required_argument, NULL, 'w'},
        {"resume", no_argument, &options.resume, 1}, {"probe", no_argument, &options.probe, 1}, {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p': options.port = atoi(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': options.requests = strtoull(optarg, NULL, 10); break;
        case 'b': options.body_size = strtoul(optarg, NULL, 10); break;
        case 'a': options.path = optarg; break;
        case 'w': options.patience = atof(optarg); break;
        case 0: break;
        default: exit(2);
        }
    }
    request_length = snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", options.path, options.port);
    if (options.port <= 0 || options.connections <= 0 || request_length >= (int)sizeof request) exit(2);
}

int main(int argc, char **argv) {
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    make_context();
    epoll = epoll_create1(0);
    struct connection *connections = calloc(options.connections, sizeof *connections);
    if (connections == NULL || epoll < 0) die("memory");
    if (options.probe) {
        run_once(connections);
        return faults > 0 ? 3 : 0;
    }

    int64_t start = now();
    deadline = start + (int64_t)(options.seconds * SECOND);
    if (options.resume) {
        run_once(connections);
        if (faults == 0 && newest == NULL) fault("no ticket was given");
    }
    if (faults == 0) run(connections, options.connections);
    double micros = (last_answer > start ? last_answer - start : 1) / 1000.0;
    printf("{\"requests\":%llu,\"micros\":%.0f,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"p999\":%llu,\"errors\":%llu,\"resumed\":%llu,\"tickets\":%llu,\"unclean\":%llu}\n",
        (unsigned long long)requests, micros, (unsigned long long)histogram_percentile(&latency, 50), (unsigned long long)histogram_percentile(&latency, 90),
        (unsigned long long)histogram_percentile(&latency, 99), (unsigned long long)histogram_percentile(&latency, 99.9), (unsigned long long)faults,
        (unsigned long long)resumed, (unsigned long long)tickets, (unsigned long long)unclean);
    return faults > 0 ? 3 : 0;
}

/*
 * An open-loop load generator: every request has an intended time, whatever became of the ones before it. Latency is counted from the intended
 * time to the last byte of the answer, so a proxy that stalls is charged for all requests that should have been sent meanwhile. One thread,
 * edge-triggered epoll, one request at a time on each kept connection; a due request waits for a connection only when all are busy.
 *
 * With --ledger-port, where a ledger_backend listens, each request is numbered and both ledgers are compared at the end. What is lost, duplicated,
 * corrupted or misdelivered is listed and the status is 3. The last line of the output is the result in JSON, times in microseconds.
 */
#define _GNU_SOURCE
#include "histogram.h"
#include "ledger_client.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HEAD = 16384, SECOND = 1000000000, LISTED = 5 };
enum state { UNSENT, SENT, ANSWERED, REFUSED, BROKEN, MISDELIVERED };

struct connection {
    int fd;
    int64_t number;             /* of the request that waits for its answer; -1 for none */
    int64_t intended;
    size_t sent;                /* of the request in progress */
    char request[512];
    size_t held;                /* bytes of an answer's head that is not complete */
    char head[MAX_HEAD];
    int in_body, close_after, status;
    size_t body_left;
    struct hash body;
    uint64_t id;                /* that the answer names */
};

/* The client's account of a request. */
struct request {
    uint64_t answer_hash;
    uint8_t state, again;       /* again: answers beyond the first */
};

static struct {
    int port, ledger_port, connections, poisson;
    double rate, seconds, warm_up, patience;
    const char *path;
    size_t body_size;
    uint64_t run;
} options = {.connections = 64, .rate = 1000, .seconds = 4, .warm_up = 1, .patience = 5, .path = "/", .run = 1};

static struct connection *connections;
static struct request *requests;
static int64_t total, next, done;
static int64_t start, ended, next_intended, measured_from, out_of_connections_until;
static struct histogram latency, lag;
static uint64_t waited, unsent, reconnects, refused, random_state = 88172645463325252ull;
static int last_refusal;
static int *idle, idle_first, idle_count; /* a ring, so that all connections take part */
static char *filler, template[512];
static size_t template_length, template_id, head_length;
static int epoll;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

static void open_connection(struct connection *c) {
    c->fd = connect_to(options.port);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->number = -1;
    c->held = 0;
    c->in_body = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    idle[(idle_first + idle_count++) % options.connections] = c - connections;
}

/* Gives up on a connection, and on the answer that it owes. */
static void reopen(struct connection *c) {
    if (c->number >= 0) {
        requests[c->number].state = BROKEN;
        done++;
    } else if (idle_count > 0) {
        /* It stands somewhere in the ring: it is taken out, the others move up. */
        for (int i = 0, kept = 0, count = idle_count; i < count; i++) {
            int index = idle[(idle_first + i) % options.connections];
            if (index == c - connections) idle_count--;
            else idle[(idle_first + kept++) % options.connections] = index;
        }
    }
    close(c->fd);
    reconnects++;
    open_connection(c);
}

static void finish(struct connection *c, enum state state) {
    int64_t at = now();
    requests[c->number].state = state;
    requests[c->number].answer_hash = hash_end(&c->body);
    if (c->intended >= measured_from) histogram_record(&latency, at - c->intended);
    done++;
    c->number = -1;
    if (idle_count == 0 && next < total && next_intended <= at) out_of_connections_until = at;
    idle[(idle_first + idle_count++) % options.connections] = c - connections;
}

static void answer_ended(struct connection *c) {
    int64_t named = (uint32_t)c->id;
    c->in_body = 0;
    if (options.ledger_port != 0 && c->status == 200) {
        int is_ours = c->id >> 32 == options.run && named < total;
        if (is_ours && named != c->number && requests[named].state != UNSENT && requests[named].state != SENT) {
            requests[named].again++; /* what this connection waits for may still come */
            return;
        }
        if (c->number >= 0 && named != c->number) {
            finish(c, MISDELIVERED);
            return;
        }
    }
    if (c->number < 0) return;
    if (c->status != 200) {
        refused++;
        last_refusal = c->status;
    }
    finish(c, c->status == 200 ? ANSWERED : REFUSED);
}

/* -1 when the connection cannot go on. */
static int begin_answer(struct connection *c, const char *head, const char *end) {
    const char *length = FIELD(head, end, "content-length"), *id = FIELD(head, end, "x-ledger-id"), *close = FIELD(head, end, "connection");
    if (length == NULL || end - head < 12 || memcmp(head, "HTTP/1.1 ", 9) != 0) return -1; /* other framing is not for this generator */
    c->status = atoi(head + 9);
    c->id = id == NULL ? 0 : strtoull(id, NULL, 16);
    c->close_after = close != NULL && strncasecmp(close, "close", 5) == 0;
    c->body_left = strtoul(length, NULL, 10);
    c->body = (struct hash){0};
    c->in_body = 1;
    return 0;
}

static int take(struct connection *c, const char *bytes, size_t n) {
    while (n > 0 || (c->in_body && c->body_left == 0)) {
        if (c->in_body) {
            size_t part = n < c->body_left ? n : c->body_left;
            if (options.ledger_port != 0) hash_add(&c->body, bytes, part);
            c->body_left -= part;
            bytes += part;
            n -= part;
            if (c->body_left > 0) return 0;
            answer_ended(c);
            if (c->close_after) return -1;
            continue;
        }
        size_t room = MAX_HEAD - c->held, part = n < room ? n : room;
        const char *head = bytes, *empty;
        if (c->held > 0) {
            memcpy(c->head + c->held, bytes, part);
            head = c->head;
        }
        empty = memmem(head, c->held + part, "\r\n\r\n", 4);
        if (empty == NULL) {
            if (c->held == 0) memcpy(c->head, bytes, part);
            c->held += part;
            return c->held == MAX_HEAD ? -1 : 0;
        }
        size_t used = empty + 4 - head - c->held;
        c->held = 0;
        bytes += used;
        n -= used;
        if (begin_answer(c, head, empty + 4) < 0) return -1;
    }
    return 0;
}

static int continue_request(struct connection *c) {
    size_t tail = options.body_size - id_bytes_of(options.body_size);
    while (c->sent < head_length + tail) {
        size_t of_tail = c->sent > head_length ? c->sent - head_length : 0, of_head = c->sent - of_tail;
        struct iovec parts[] = {{c->request + of_head, head_length - of_head}, {filler + of_tail, tail - of_tail}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = tail > 0 ? 2 : 1};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->sent += n;
    }
    return 0;
}

static void serve(struct connection *c) {
    static char buffer[262144];
    if (c->number >= 0 && continue_request(c) < 0) {
        reopen(c);
        return;
    }
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || take(c, buffer, n) < 0) {
            reopen(c);
            return;
        }
        if (n < (ssize_t)sizeof buffer) return;
    }
}

static void plan_next(void) {
    if (!options.poisson) {
        next_intended = start + (int64_t)(next / options.rate * SECOND);
        return;
    }
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    next_intended += (int64_t)(-log(((random_state >> 11) + 1) * 0x1p-53) / options.rate * SECOND);
}

/* Sends whatever is due, as far as there are connections. */
static void send_due(void) {
    int64_t at = now();
    for (; next < total && next_intended <= at && idle_count > 0; at = now()) {
        struct connection *c = &connections[idle[idle_first]];
        idle_first = (idle_first + 1) % options.connections;
        idle_count--;
        uint64_t id = options.run << 32 | next;
        memcpy(c->request, template, head_length);
        write_id(c->request + template_id, id);
        write_id(c->request + template_length, id);
        c->number = next;
        c->intended = next_intended;
        c->sent = 0;
        requests[next].state = SENT;
        if (next_intended >= measured_from) {
            /* That no connection was free is the target's doing, not the generator's. */
            if (next_intended < out_of_connections_until) waited++;
            else histogram_record(&lag, at - next_intended);
        }
        next++;
        plan_next();
        if (continue_request(c) < 0) reopen(c);
    }
}

static void run(void) {
    struct epoll_event events[256];
    int64_t deadline = INT64_MAX, give_up;
    int stopped = 0;
    start = now() + SECOND / 100;
    measured_from = start + (int64_t)(options.warm_up * SECOND);
    next_intended = start;
    give_up = start + (int64_t)((options.warm_up + options.seconds + options.patience) * SECOND);
    while (done < next || (next < total && !stopped)) {
        if (!stopped) send_due();
        int64_t at = now(), until = !stopped && next < total && idle_count > 0 ? next_intended : at + SECOND / 10;
        /* A target that cannot keep up is not sent the rest; what it was sent, it may still answer. */
        if (at > give_up) stopped = 1;
        if ((next == total || stopped) && deadline == INT64_MAX) deadline = at + (int64_t)(options.patience * SECOND);
        if (at > deadline) break;
        int64_t wait = until > at ? until - at : 0;
        struct timespec timeout = {wait / SECOND, wait % SECOND};
        int n = epoll_pwait2(epoll, events, 256, &timeout, NULL);
        for (int i = 0; i < n; i++) serve(events[i].data.ptr);
    }
    ended = now();
    /* What was not sent has waited until now: leaving it out would make the latencies of an overload look well. */
    for (unsent = total - next; next < total; next++, plan_next())
        if (next_intended >= measured_from) histogram_record(&latency, ended > next_intended ? ended - next_intended : 0);
    /* An answer too many to one of the last requests would come now. */
    int n = epoll_wait(epoll, events, 256, 50);
    for (int i = 0; i < n; i++) serve(events[i].data.ptr);
}

struct verdict {
    const char *name;
    long count;
};

static void charge(struct verdict *verdict, int64_t number, const char *why, long times) {
    if (verdict->count++ < LISTED) printf("%s: request %lld, %s (the backend saw it %ld times)\n", verdict->name, (long long)number, why, times);
}

/* Compares the two ledgers and returns the number of faults. */
static long judge(struct verdict *lost, struct verdict *duplicated, struct verdict *corrupted, struct verdict *misdelivered) {
    struct account_header header = {0};
    struct account none = {0};
    char *body = NULL;
    if (options.ledger_port != 0) {
        body = ask_ledger(options.ledger_port, options.run, "end");
        memcpy(&header, body, sizeof header);
    }
    struct account *accounts = (struct account *)(body + sizeof header);
    for (int64_t i = 0; i < total; i++) {
        const struct request *mine = &requests[i];
        const struct account *theirs = i < (int64_t)header.count ? &accounts[i] : &none;
        char id[ID_LENGTH];
        write_id(id, options.run << 32 | i);
        if (mine->state == REFUSED || mine->state == UNSENT) continue; /* counted apart */
        if (mine->state == SENT) charge(lost, i, "no answer before the end", theirs->times);
        else if (mine->state == BROKEN) charge(lost, i, "its connection ended", theirs->times);
        else if (mine->state == MISDELIVERED) charge(misdelivered, i, "the answer names another request", theirs->times);
        if (mine->again > 0) charge(duplicated, i, "answered more than once", theirs->times);
        if (options.ledger_port == 0 || mine->state != ANSWERED) continue;
        if (theirs->times == 0) {
            charge(misdelivered, i, "an answer that the backend did not give", 0);
            continue;
        }
        if (theirs->times > 1) charge(duplicated, i, "it came more than once", theirs->times);
        if (theirs->request_hash != hash_of_body(id, filler, options.body_size)) charge(corrupted, i, "its body on the way there", theirs->times);
        if (theirs->answer_hash != mine->answer_hash) charge(corrupted, i, "the body of its answer", theirs->times);
    }
    if (header.count > (uint64_t)total || header.strangers > 0) charge(corrupted, total, "an id that was never sent", header.strangers);
    free(body);
    return lost->count + duplicated->count + corrupted->count + misdelivered->count;
}

static void read_options(int argc, char **argv) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"ledger-port", 1, 0, 'l'}, {"rate", 1, 0, 'r'}, {"seconds", 1, 0, 's'}, {"warm-up", 1, 0, 'w'}, {"connections", 1, 0, 'c'},
        {"poisson", 1, 0, 'o'}, {"path", 1, 0, 'a'}, {"body-size", 1, 0, 'b'}, {"run", 1, 0, 'u'}, {"patience", 1, 0, 't'}, {0}};
    for (int o; (o = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (o) {
        case 'p': options.port = atoi(optarg); break;
        case 'l': options.ledger_port = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'w': options.warm_up = atof(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 'o': options.poisson = 1; random_state ^= strtoull(optarg, NULL, 10) << 1; break;
        case 'a': options.path = optarg; break;
        case 'b': options.body_size = strtoul(optarg, NULL, 10); break;
        case 'u': options.run = strtoul(optarg, NULL, 10); break;
        case 't': options.patience = atof(optarg); break;
        default: exit(2);
    }
    total = (int64_t)(options.rate * (options.warm_up + options.seconds));
    if (options.port == 0 || options.rate <= 0 || options.connections < 1 || options.run == 0 || total < 1 || total > MAX_REQUESTS || strlen(options.path) > 128) {
        fprintf(stderr, "open_loop --port N [--ledger-port N] [--rate PER_SECOND] [--seconds S] [--warm-up S] [--connections N] [--poisson SEED]\n"
            "          [--path PATH] [--body-size BYTES] [--run N] [--patience S]\n");
        exit(2);
    }
}

static void prepare(void) {
    int n = options.body_size == 0
        ? snprintf(template, sizeof template, "GET %s HTTP/1.1\r\nhost: 127.0.0.1\r\nx-ledger-id: ", options.path)
        : snprintf(template, sizeof template, "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %zu\r\nx-ledger-id: ", options.path, options.body_size);
    template_id = n;
    template_length = n + ID_LENGTH + 4;
    memcpy(template + n + ID_LENGTH, "\r\n\r\n", 4);
    head_length = template_length + id_bytes_of(options.body_size);
    filler = make_filler(options.body_size);
    requests = calloc(total, sizeof *requests);
    memset(requests, 0, total * sizeof *requests); /* touched now, not while requests run */
    connections = calloc(options.connections, sizeof *connections);
    idle = calloc(options.connections, sizeof *idle);
    epoll = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1); /* the kernel may otherwise wake us 50 us late */
    if (options.ledger_port != 0) free(ask_ledger(options.ledger_port, options.run, "begin"));
    for (int i = 0; i < options.connections; i++) open_connection(&connections[i]);
}

static double micros(const struct histogram *h, double percent) { return histogram_percentile(h, percent) / 1000.0; }

int main(int argc, char **argv) {
    struct verdict lost = {"lost", 0}, duplicated = {"duplicated", 0}, corrupted = {"corrupted", 0}, misdelivered = {"misdelivered", 0};
    read_options(argc, argv);
    prepare();
    run();
    long faults = judge(&lost, &duplicated, &corrupted, &misdelivered);
    if (refused > 0) printf("refused: %llu requests, the last with status %d\n", (unsigned long long)refused, last_refusal);
    printf("{\"requests\":%lld,\"micros\":%lld,\"measured\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
        "\"lag_p50\":%.1f,\"lag_p99\":%.1f,\"lag_p999\":%.1f,\"lag_max\":%.1f,\"waited\":%llu,\"unsent\":%llu,\"reconnects\":%llu,\"refused\":%llu,"
        "\"lost\":%ld,\"duplicated\":%ld,\"corrupted\":%ld,\"misdelivered\":%ld}\n",
        (long long)done, (long long)(ended - start) / 1000, (unsigned long long)latency.total, micros(&latency, 50), micros(&latency, 90), micros(&latency, 99),
        micros(&latency, 99.9), latency.max / 1000.0, micros(&lag, 50), micros(&lag, 99), micros(&lag, 99.9), lag.max / 1000.0,
        (unsigned long long)waited, (unsigned long long)unsent, (unsigned long long)reconnects, (unsigned long long)refused, lost.count, duplicated.count, corrupted.count, misdelivered.count);
    return faults > 0 || refused > 0 ? 3 : 0;
}

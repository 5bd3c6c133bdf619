/*
 * An open-loop load generator: every request has an intended time, whatever became of the ones before it. Latency is counted from the intended
 * time to the last byte of the answer, so a proxy that stalls is charged for all requests that should have been sent meanwhile. One thread,
 * edge-triggered epoll, one request at a time on each kept connection; a due request waits for a connection only when all are busy.
 *
 * With --backend-port it is the backend, too: it listens there and serves what the target forwards in the same thread, so that no scheduler decides
 * between a request that is due, one that has arrived and an answer. After every event that is served, whatever is due is sent.
 *
 * With --backend-port, or --ledger-port where a ledger_backend listens, each request is numbered and the ledgers of client and backend are compared at
 * the end. What is lost, duplicated, corrupted or misdelivered is listed and the status is 3. The last line of the output is the result in JSON, times
 * in microseconds; "busy" is the share of the run, in per cent, in which this process was on its core other than waiting for the next intended time.
 */
#define _GNU_SOURCE
#include "histogram.h"
#include "ledger_backend.h"
#include "ledger_client.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/*
 * In nanoseconds. The last SPIN before an intended time are polled away, not slept: to be woken takes tens of microseconds, and the core is ours alone.
 * A poll that finds nothing and takes POLL or longer was interrupted: the core did something else. For LINGER after the end, answers too many may come.
 */
enum { SECOND = 1000000000, SPIN = 50000, POLL = 5000, LINGER = 50000000 };
enum { MAX_HEAD = 16384, LISTED = 5 };
enum state { UNSENT, SENT, ANSWERED, REFUSED, BROKEN, MISDELIVERED };

struct connection {
    enum party party;           /* CLIENT */
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
    int port, ledger_port, backend_port, has_ledger, connections, poisson;
    double rate, seconds, warm_up, patience;
    const char *path;
    size_t body_size, answer_size;
    uint64_t run;
} options = {.connections = 64, .rate = 1000, .seconds = 4, .warm_up = 1, .patience = 5, .path = "/", .answer_size = 50, .run = 1};

static struct connection *connections;
static struct request *requests;
static int64_t total, next, done;
static int given_up; /* nothing more is sent */
static int64_t start, ended, spun, on_core, next_intended, measured_from, out_of_connections_until;
static struct histogram latency, lag;
static uint64_t waited, unsent, reconnects, refused, random_state = 88172645463325252ull;
static int last_refusal;
static int *idle, idle_first, idle_count; /* a ring, so that all connections take part */
static char *filler, template[512];
static size_t template_length, template_id, head_length;
static int epoll;

static int64_t time_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

static int64_t now(void) { return time_of(CLOCK_MONOTONIC); }

/* Zeros in memory that is there now: none of it is paged in while requests run. */
static void *zeros(size_t count, size_t size) {
    void *memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail("memory");
    return memory;
}

static void open_connection(struct connection *c) {
    c->party = CLIENT;
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
    if (options.has_ledger && c->status == 200) {
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
            if (options.has_ledger) hash_add(&c->body, bytes, part);
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

/* Sends whatever is due, as far as there are connections, and returns the time. */
static int64_t send_due(void) {
    int64_t at = now();
    for (; next < total && next_intended <= at && idle_count > 0 && !given_up; at = now()) {
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
    return at;
}

/* Waits for events until shortly before a time and serves them; what becomes due meanwhile is sent between them. Returns the time at the end. */
static int64_t serve_events(int64_t at, int64_t until) {
    struct epoll_event events[256];
    int64_t asleep = until - at > SPIN ? until - at - SPIN : 0;
    struct timespec timeout = {asleep / SECOND, asleep % SECOND};
    int n = epoll_pwait2(epoll, events, 256, &timeout, NULL);
    for (int i = 0; i < n; i++) {
        /* A connection that send_due() reopens may have an event of its former socket here: the new one is then found to have nothing. */
        if (*(enum party *)events[i].data.ptr == CLIENT) serve(events[i].data.ptr);
        else backend_serve(events[i].data.ptr);
        at = send_due();
    }
    if (n > 0) return at;
    if (asleep == 0) {
        int64_t took = now() - at;
        if (took < POLL) spun += took;
    }
    return send_due();
}

static void run(void) {
    int64_t deadline = INT64_MAX, give_up, at;
    start = now() + SECOND / 100;
    measured_from = start + (int64_t)(options.warm_up * SECOND);
    next_intended = start;
    give_up = start + (int64_t)((options.warm_up + options.seconds + options.patience) * SECOND);
    on_core = -time_of(CLOCK_PROCESS_CPUTIME_ID);
    for (at = now(); done < next || (next < total && !given_up);) {
        int64_t until = !given_up && next < total && idle_count > 0 ? next_intended : at + SECOND / 10;
        /* A target that cannot keep up is not sent the rest; what it was sent, it may still answer. */
        if (at > give_up) given_up = 1;
        if ((next == total || given_up) && deadline == INT64_MAX) deadline = at + (int64_t)(options.patience * SECOND);
        if (at > deadline) break;
        at = serve_events(at, until);
    }
    ended = at;
    given_up = 1;
    on_core += time_of(CLOCK_PROCESS_CPUTIME_ID);
    /* What was not sent has waited until now: leaving it out would make the latencies of an overload look well. */
    for (unsent = total - next; next < total; next++, plan_next())
        if (next_intended >= measured_from) histogram_record(&latency, ended > next_intended ? ended - next_intended : 0);
    /* An answer too many to one of the last requests, or one of them once more, would come now. */
    for (int64_t until = ended + LINGER; (at = now()) < until;) serve_events(at, until);
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
    struct account_header header = backend.header;
    struct account none = {0}, *accounts = backend.accounts;
    char *body = NULL;
    if (options.ledger_port != 0) {
        body = ask_ledger(options.ledger_port, options.run, "end");
        memcpy(&header, body, sizeof header);
        accounts = (struct account *)(body + sizeof header);
    }
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
        if (!options.has_ledger || mine->state != ANSWERED) continue;
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
        {"poisson", 1, 0, 'o'}, {"path", 1, 0, 'a'}, {"body-size", 1, 0, 'b'}, {"run", 1, 0, 'u'}, {"patience", 1, 0, 't'},
        {"backend-port", 1, 0, 'k'}, {"answer-size", 1, 0, 'n'}, {"fault", 1, 0, 'f'}, {0}};
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
        case 'k': options.backend_port = atoi(optarg); break;
        case 'n': options.answer_size = strtoul(optarg, NULL, 10); break;
        case 'f': backend.fault = optarg; break;
        default: exit(2);
    }
    total = (int64_t)(options.rate * (options.warm_up + options.seconds));
    options.has_ledger = options.ledger_port != 0 || options.backend_port != 0;
    int wrong = options.port == 0 || (options.ledger_port != 0 && options.backend_port != 0) || options.rate <= 0 || options.connections < 1
        || options.run == 0 || total < 1 || total > MAX_REQUESTS || strlen(options.path) > 128;
    if (wrong) {
        fprintf(stderr, "open_loop --port N [--ledger-port N | --backend-port N [--answer-size BYTES] [--fault NAME]] [--rate PER_SECOND] [--seconds S]\n"
            "          [--warm-up S] [--connections N] [--poisson SEED] [--path PATH] [--body-size BYTES] [--run N] [--patience S]\n");
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
    requests = zeros(total, sizeof *requests);
    connections = zeros(options.connections, sizeof *connections);
    idle = calloc(options.connections, sizeof *idle);
    epoll = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1); /* the kernel may otherwise wake us 50 us late */
    if (options.backend_port != 0) {
        backend_reserve(total);
        backend_begin(options.run);
        if (backend_listen(epoll, options.backend_port, options.answer_size) < 0) fail("listen");
    }
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
    double busy = 100.0 * (on_core - spun) / (ended - start);
    printf("{\"requests\":%lld,\"micros\":%lld,\"measured\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
        "\"lag_p50\":%.1f,\"lag_p99\":%.1f,\"lag_p999\":%.1f,\"lag_max\":%.1f,\"waited\":%llu,\"unsent\":%llu,\"busy\":%.1f,\"reconnects\":%llu,\"refused\":%llu,"
        "\"lost\":%ld,\"duplicated\":%ld,\"corrupted\":%ld,\"misdelivered\":%ld}\n",
        (long long)done, (long long)(ended - start) / 1000, (unsigned long long)latency.total, micros(&latency, 50), micros(&latency, 90), micros(&latency, 99),
        micros(&latency, 99.9), latency.max / 1000.0, micros(&lag, 50), micros(&lag, 99), micros(&lag, 99.9), lag.max / 1000.0,
        (unsigned long long)waited, (unsigned long long)unsent, busy,
        (unsigned long long)reconnects, (unsigned long long)refused, lost.count, duplicated.count, corrupted.count, misdelivered.count);
    return faults > 0 || refused > 0 ? 3 : 0;
}

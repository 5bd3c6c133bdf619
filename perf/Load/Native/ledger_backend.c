/*
 * A backend that keeps a ledger: for each request id how often it came, the hash of the body that came with it and of the body that was answered.
 * One thread, edge-triggered epoll. A request without an id is answered and not recorded.
 *
 *   ledger_backend PORT BODY_SIZE [FAULT]
 *
 * GET /ledger/begin empties the ledger for the run of its id; GET /ledger/end answers with an account_header and the accounts.
 * FAULT, for the check of the ledger itself, befalls every 100th request: lose (no answer), repeat (two answers), double (recorded twice),
 * damage (a byte of the body differs), swap (the answer of the request after it), forget (not recorded);
 * stall befalls the 300th alone (200 ms in which nothing is served).
 */
#define _GNU_SOURCE
#include "ledger.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_HEAD = 8192, FAULT_EVERY = 100, STALL_AT = 300, STALL_US = 200000 };

struct connection {
    int fd;
    size_t held;                /* bytes of a head that is not complete */
    char head[MAX_HEAD];
    size_t body_left;           /* of the request in progress */
    struct hash body;
    uint64_t id;
    int answering;              /* answers that are not sent to their end, the one in progress included */
    size_t sent, answer_head;   /* of the answer in progress; the length of its head with the id that begins the body */
    char answer[512];
};

static struct account *accounts;
static struct account_header ledger;
static uint64_t capacity, served;
static size_t body_size;
static char *filler;
static const char *fault = "";

static int is_fault(const char *name) { return served % FAULT_EVERY == 0 && strcmp(fault, name) == 0; }

static void record(uint64_t id, uint64_t request_hash, uint64_t answer_hash) {
    uint64_t number = (uint32_t)id;
    if (id >> 32 != ledger.run || number >= MAX_REQUESTS) {
        ledger.strangers++;
        return;
    }
    if (number >= capacity) {
        uint64_t larger = number * 2 + 65536;
        accounts = realloc(accounts, larger * sizeof *accounts);
        memset(accounts + capacity, 0, (larger - capacity) * sizeof *accounts);
        capacity = larger;
    }
    if (number >= ledger.count) ledger.count = number + 1;
    accounts[number] = (struct account){request_hash, answer_hash, accounts[number].times + 1};
}

static void end(struct connection *c) {
    close(c->fd);
    free(c);
}

/* 1 when everything is sent, 0 when the socket is full, -1 when the connection is over. */
static int send_answers(struct connection *c) {
    size_t tail = body_size - id_bytes_of(body_size), all = c->answer_head + tail;
    while (c->answering > 0) {
        size_t of_tail = c->sent > c->answer_head ? c->sent - c->answer_head : 0, of_head = c->sent - of_tail;
        struct iovec parts[] = {{c->answer + of_head, c->answer_head - of_head}, {filler + of_tail, tail - of_tail}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->sent += n;
        if (c->sent == all) {
            c->sent = 0;
            c->answering--;
        }
    }
    return 1;
}

static void begin_answer(struct connection *c) {
    char id[ID_LENGTH];
    served += c->id != 0;
    if (served == STALL_AT && is_fault("stall")) usleep(STALL_US);
    write_id(id, c->id);
    uint64_t answer_hash = hash_of_body(id, filler, body_size);
    for (int times = is_fault("double") ? 2 : is_fault("forget") ? 0 : 1; c->id != 0 && times > 0; times--) record(c->id, hash_end(&c->body), answer_hash);
    if (c->id != 0 && is_fault("swap")) write_id(id, c->id + 1);
    c->answer_head = snprintf(c->answer, sizeof c->answer,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\ndate: Sun, 01 Nov 2026 00:00:00 GMT\r\nx-ledger-id: %.16s\r\n\r\n%.*s",
        body_size, id, (int)id_bytes_of(body_size), id);
    if (c->id == 0) {
        c->answering = 1;
        return;
    }
    if (is_fault("damage")) c->answer[c->answer_head - 1] ^= 1;
    c->answering = is_fault("lose") ? 0 : is_fault("repeat") ? 2 : 1;
}

static int send_ledger(struct connection *c) {
    char head[128];
    size_t size = ledger.count * sizeof *accounts;
    int length = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", sizeof ledger + size);
    struct iovec parts[] = {{head, length}, {&ledger, sizeof ledger}, {accounts, size}};
    fcntl(c->fd, F_SETFL, 0);
    for (int i = 0; i < 3; i++)
        for (size_t sent = 0; sent < parts[i].iov_len;) {
            ssize_t n = send(c->fd, (char *)parts[i].iov_base + sent, parts[i].iov_len - sent, MSG_NOSIGNAL);
            if (n <= 0) return -1;
            sent += n;
        }
    return fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* Takes a whole head; -1 when the connection is over. */
static int begin_request(struct connection *c, const char *head, const char *end) {
    const char *length = FIELD(head, end, "content-length"), *id = FIELD(head, end, "x-ledger-id");
    c->body_left = length == NULL ? 0 : strtoul(length, NULL, 10);
    c->id = id == NULL ? 0 : strtoull(id, NULL, 16);
    c->body = (struct hash){0};
    if (FIELD(head, end, "transfer-encoding") != NULL) return -1; /* the generator never sends one */
    if (strncmp(head, "GET /ledger/end ", 16) == 0) return send_ledger(c);
    if (strncmp(head, "GET /ledger/begin ", 18) == 0) {
        if (capacity > 0) memset(accounts, 0, capacity * sizeof *accounts);
        ledger = (struct account_header){.run = c->id >> 32};
        c->id = 0;
    }
    if (c->body_left == 0) begin_answer(c);
    return 0;
}

/* Takes what was received, one request after the other; -1 when the connection is over. */
static int take(struct connection *c, const char *bytes, size_t n) {
    while (n > 0) {
        if (c->body_left > 0) {
            size_t part = n < c->body_left ? n : c->body_left;
            hash_add(&c->body, bytes, part);
            c->body_left -= part;
            bytes += part;
            n -= part;
            if (c->body_left == 0) begin_answer(c);
        } else {
            size_t room = MAX_HEAD - c->held, part = n < room ? n : room;
            memcpy(c->head + c->held, bytes, part);
            char *empty = memmem(c->head, c->held + part, "\r\n\r\n", 4);
            if (empty == NULL) {
                c->held += part;
                return c->held == MAX_HEAD ? -1 : 0;
            }
            size_t used = empty + 4 - c->head - c->held;
            c->held = 0;
            bytes += used;
            n -= used;
            if (begin_request(c, c->head, empty + 4) < 0) return -1;
        }
        if (send_answers(c) < 0 || (c->answering > 0 && n > 0)) return -1; /* nobody pipelines behind a large answer here */
    }
    return 0;
}

static int serve(struct connection *c) {
    static char buffer[65536];
    if (c->answering > 0 && send_answers(c) < 0) return -1;
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        if (n < 0) return 0;
        if (take(c, buffer, n) < 0) return -1;
        if (n < (ssize_t)sizeof buffer) return 0;
    }
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    body_size = strtoul(argv[2], NULL, 10);
    filler = make_filler(body_size);
    if (argc > 3) fault = argv[3];
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        perror("listen");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c != NULL) {
                if (serve(c) < 0) end(c);
                continue;
            }
            int fd;
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}

/*
 * The serving part of a backend that keeps a ledger: for each request id how often it came, the hash of the body that came with it and of the body
 * that was answered. A request without an id is answered and not recorded.
 *
 * It has no loop of its own, only edge-triggered connections on an epoll instance that it is given: ledger_backend.c is a process for it, open_loop.c
 * serves it in its own thread. The data of every event of such an instance points to a struct that begins with its party.
 */
#ifndef LEDGER_BACKEND_H
#define LEDGER_BACKEND_H
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

enum party { LISTENER, BACKEND, CLIENT };
enum { BACKEND_MAX_HEAD = 8192, FAULT_EVERY = 100, STALL_AT = 300, STALL_US = 200000 };

struct listener {
    enum party party;
    int fd, epoll;
};

struct backend_connection {
    enum party party;
    int fd;
    size_t held;                /* bytes of a head that is not complete */
    char head[BACKEND_MAX_HEAD];
    size_t body_left;           /* of the request in progress */
    struct hash body;
    uint64_t id;
    int answering;              /* answers that are not sent to their end, the one in progress included */
    size_t sent;                /* of the answer in progress */
    char answer[512];           /* its head, with the id that begins the body */
};

static struct {
    struct account_header header;
    struct account *accounts;   /* as many as the header counts, and room */
    uint64_t capacity, served;
    size_t answer_size;
    char *filler, template[512];
    size_t template_length, template_id; /* the id in the head; the one of the body is at the template's end */
    const char *fault;          /* see ledger_backend.c */
} backend = {.fault = ""};

static int is_fault(const char *name) { return backend.served % FAULT_EVERY == 0 && strcmp(backend.fault, name) == 0; }

/* Room for so many accounts, in memory that is touched now, not while requests run. */
static void backend_reserve(uint64_t capacity) {
    if (capacity <= backend.capacity) return;
    backend.accounts = realloc(backend.accounts, capacity * sizeof *backend.accounts);
    memset(backend.accounts + backend.capacity, 0, (capacity - backend.capacity) * sizeof *backend.accounts);
    backend.capacity = capacity;
}

/* Empties the ledger for a run. */
static void backend_begin(uint64_t run) {
    if (backend.capacity > 0) memset(backend.accounts, 0, backend.capacity * sizeof *backend.accounts);
    backend.header = (struct account_header){.run = run};
}

static void backend_record(uint64_t id, uint64_t request_hash, uint64_t answer_hash) {
    uint64_t number = (uint32_t)id;
    if (id >> 32 != backend.header.run || number >= MAX_REQUESTS) {
        backend.header.strangers++;
        return;
    }
    if (number >= backend.capacity) backend_reserve(number * 2 + 65536);
    if (number >= backend.header.count) backend.header.count = number + 1;
    backend.accounts[number] = (struct account){request_hash, answer_hash, backend.accounts[number].times + 1};
}

/* 1 when everything is sent, 0 when the socket is full, -1 when the connection is over. */
static int backend_send_answers(struct backend_connection *c) {
    size_t head = backend.template_length, tail = backend.answer_size - id_bytes_of(backend.answer_size);
    while (c->answering > 0) {
        size_t of_tail = c->sent > head ? c->sent - head : 0, of_head = c->sent - of_tail;
        struct iovec parts[] = {{c->answer + of_head, head - of_head}, {backend.filler + of_tail, tail - of_tail}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->sent += n;
        if (c->sent == head + tail) {
            c->sent = 0;
            c->answering--;
        }
    }
    return 1;
}

static void backend_begin_answer(struct backend_connection *c) {
    char id[ID_LENGTH];
    size_t in_body = id_bytes_of(backend.answer_size);
    backend.served += c->id != 0;
    if (backend.served == STALL_AT && is_fault("stall")) usleep(STALL_US);
    write_id(id, c->id);
    uint64_t answer_hash = hash_of_body(id, backend.filler, backend.answer_size);
    for (int times = is_fault("double") ? 2 : is_fault("forget") ? 0 : 1; c->id != 0 && times > 0; times--) backend_record(c->id, hash_end(&c->body), answer_hash);
    if (c->id != 0 && is_fault("swap")) write_id(id, c->id + 1);
    memcpy(c->answer, backend.template, backend.template_length);
    memcpy(c->answer + backend.template_id, id, sizeof id);
    memcpy(c->answer + backend.template_length - in_body, id, in_body);
    if (c->id == 0) {
        c->answering = 1;
        return;
    }
    if (is_fault("damage")) c->answer[backend.template_length - 1] ^= 1;
    c->answering = is_fault("lose") ? 0 : is_fault("repeat") ? 2 : 1;
}

static int backend_send_ledger(struct backend_connection *c) {
    char head[128];
    size_t size = backend.header.count * sizeof *backend.accounts;
    int length = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", sizeof backend.header + size);
    struct iovec parts[] = {{head, length}, {&backend.header, sizeof backend.header}, {backend.accounts, size}};
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
static int backend_begin_request(struct backend_connection *c, const char *head, const char *end) {
    const char *length = FIELD(head, end, "content-length"), *id = FIELD(head, end, "x-ledger-id");
    c->body_left = length == NULL ? 0 : strtoul(length, NULL, 10);
    c->id = id == NULL ? 0 : strtoull(id, NULL, 16);
    c->body = (struct hash){0};
    if (FIELD(head, end, "transfer-encoding") != NULL) return -1; /* the generator never sends one */
    if (strncmp(head, "GET /ledger/end ", 16) == 0) return backend_send_ledger(c);
    if (strncmp(head, "GET /ledger/begin ", 18) == 0) {
        backend_begin(c->id >> 32);
        c->id = 0;
    }
    if (c->body_left == 0) backend_begin_answer(c);
    return 0;
}

/* Takes what was received, one request after the other; -1 when the connection is over. */
static int backend_take(struct backend_connection *c, const char *bytes, size_t n) {
    while (n > 0) {
        if (c->body_left > 0) {
            size_t part = n < c->body_left ? n : c->body_left;
            hash_add(&c->body, bytes, part);
            c->body_left -= part;
            bytes += part;
            n -= part;
            if (c->body_left == 0) backend_begin_answer(c);
        } else {
            size_t room = BACKEND_MAX_HEAD - c->held, part = n < room ? n : room;
            memcpy(c->head + c->held, bytes, part);
            char *empty = memmem(c->head, c->held + part, "\r\n\r\n", 4);
            if (empty == NULL) {
                c->held += part;
                return c->held == BACKEND_MAX_HEAD ? -1 : 0;
            }
            size_t used = empty + 4 - c->head - c->held;
            c->held = 0;
            bytes += used;
            n -= used;
            if (backend_begin_request(c, c->head, empty + 4) < 0) return -1;
        }
        if (backend_send_answers(c) < 0 || (c->answering > 0 && n > 0)) return -1; /* nobody pipelines behind a large answer here */
    }
    return 0;
}

/* -1 when the connection is over. */
static int backend_receive(struct backend_connection *c) {
    static char buffer[65536];
    if (c->answering > 0 && backend_send_answers(c) < 0) return -1;
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        if (n < 0) return 0;
        if (backend_take(c, buffer, n) < 0) return -1;
        if (n < (ssize_t)sizeof buffer) return 0;
    }
}

static void backend_accept(const struct listener *listener) {
    int fd, one = 1;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct backend_connection *c = calloc(1, sizeof *c);
        c->party = BACKEND;
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
        epoll_ctl(listener->epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Serves an event whose party is LISTENER or BACKEND. */
static void backend_serve(void *party) {
    if (*(enum party *)party == LISTENER) {
        backend_accept(party);
        return;
    }
    struct backend_connection *c = party;
    if (backend_receive(c) == 0) return;
    close(c->fd);
    free(c);
}

/* Listens, with its events on an epoll instance. -1 when it cannot. */
static int backend_listen(int epoll, int port, size_t answer_size) {
    static struct listener listener;
    size_t in_body = id_bytes_of(answer_size);
    backend.answer_size = answer_size;
    backend.filler = make_filler(answer_size);
    backend.template_length = sprintf(backend.template,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\ndate: Sun, 01 Nov 2026 00:00:00 GMT\r\nx-ledger-id: %16s\r\n\r\n%.*s",
        answer_size, "", (int)in_body, "                ");
    backend.template_id = backend.template_length - in_body - 4 - ID_LENGTH;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) return -1;
    listener = (struct listener){LISTENER, fd, epoll};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
#endif

/*
 * The floor of every comparison under io_uring: relay.c's job with completions in place of readiness. One thread, one ring with deferred
 * task work, multishot accept and receive into provided buffers, sends batched with the wait. No library: the three system calls and the
 * two shared rings are all there is.
 *
 *   relay_uring PORT BACKEND_PORT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENTRIES = 4096, BUFFERS = 2048, BUFFER_SIZE = 16384, GROUP = 0 };
enum operation { ACCEPT, CONNECT, RECEIVE, SEND };

struct chunk {              /* received bytes on their way out: a provided buffer */
    uint16_t id;
    uint32_t length, offset;
    struct chunk *next;
};

struct side {
    int fd, pending;        /* operations the kernel still holds */
    int ended;
    struct side *peer;
    struct chunk *first, *last;     /* to be sent to this side */
    int sending;
};

static int ring_fd;
static struct io_uring_sqe *sqes;
static _Atomic uint32_t *sq_head, *sq_tail, *cq_head, *cq_tail;
static uint32_t sq_mask, cq_mask, *sq_array, queued;
static struct io_uring_cqe *cqes;
static struct io_uring_buf_ring *buffers;
static char *memory;
static uint16_t buffer_tail;
static struct chunk chunks[BUFFERS];
static struct sockaddr_in backend = {.sin_family = AF_INET};

static void fail(const char *what) { perror(what); exit(1); }

static int enter(uint32_t submit, uint32_t wait) {
    return syscall(__NR_io_uring_enter, ring_fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

static struct io_uring_sqe *entry(enum operation op, void *owner) {
    uint32_t tail = atomic_load_explicit(sq_tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(sq_head, memory_order_acquire) == ENTRIES) {
        queued -= enter(queued, 0);
    }
    struct io_uring_sqe *sqe = &sqes[tail & sq_mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->user_data = (uint64_t)(uintptr_t)owner | op;
    sq_array[tail & sq_mask] = tail & sq_mask;
    atomic_store_explicit(sq_tail, tail + 1, memory_order_release);
    queued++;
    return sqe;
}

static void give_back(uint16_t id) {
    struct io_uring_buf *b = &buffers->bufs[buffer_tail & (BUFFERS - 1)];
    b->addr = (uint64_t)(uintptr_t)(memory + (size_t)id * BUFFER_SIZE);
    b->len = BUFFER_SIZE;
    b->bid = id;
    buffer_tail++;
    __atomic_store_n(&buffers->tail, buffer_tail, __ATOMIC_RELEASE);
}

static void receive(struct side *s) {
    struct io_uring_sqe *sqe = entry(RECEIVE, s);
    sqe->opcode = IORING_OP_RECV;
    sqe->fd = s->fd;
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    s->pending++;
}

static void send_first(struct side *s) {
    struct io_uring_sqe *sqe = entry(SEND, s);
    sqe->opcode = IORING_OP_SEND;
    sqe->fd = s->fd;
    sqe->addr = (uint64_t)(uintptr_t)(memory + (size_t)s->first->id * BUFFER_SIZE + s->first->offset);
    sqe->len = s->first->length - s->first->offset;
    sqe->msg_flags = MSG_NOSIGNAL;
    s->sending = 1;
    s->pending++;
}

static void bury(struct side *s) {
    struct side *p = s->peer;
    if (s->pending || p->pending) return;
    for (int i = 0; i < 2; i++, s = p) {
        for (struct chunk *c = s->first; c; c = c->next) give_back(c->id);
        close(s->fd);
        if (i) free(s); 
    }
}

static void end(struct side *s) {
    if (!s->ended) {
        s->ended = s->peer->ended = 1;
        shutdown(s->fd, SHUT_RDWR);     /* completes what the kernel still holds */
        shutdown(s->peer->fd, SHUT_RDWR);
    }
}

static void accept_all(int listener) {
    struct io_uring_sqe *sqe = entry(ACCEPT, (void *)(uintptr_t)((uint64_t)listener << 4));
    sqe->opcode = IORING_OP_ACCEPT;
    sqe->fd = listener;
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void accepted(int fd) {
    struct side *client = aligned_alloc(16, sizeof *client + 16), *server = aligned_alloc(16, sizeof *server + 16);
    memset(client, 0, sizeof *client);
    memset(server, 0, sizeof *server);
    int one = 1;
    client->fd = fd;
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->peer = server;
    server->peer = client;
    struct io_uring_sqe *sqe = entry(CONNECT, server);
    sqe->opcode = IORING_OP_CONNECT;
    sqe->fd = server->fd;
    sqe->addr = (uint64_t)(uintptr_t)&backend;
    sqe->off = sizeof backend;
    server->pending++;
}

static void complete(struct io_uring_cqe *cqe) {
    enum operation op = cqe->user_data & 15;
    struct side *s = (struct side *)(uintptr_t)(cqe->user_data & ~(uint64_t)15);
    int more = cqe->flags & IORING_CQE_F_MORE;
    if (op == ACCEPT) {
        if (cqe->res >= 0) accepted(cqe->res);
        if (!more) accept_all((int)((uint64_t)(uintptr_t)s >> 4));
        return;
    }
    if (!more) s->pending--;
    if (op == CONNECT) {
        if (cqe->res < 0) end(s);
        else { receive(s); receive(s->peer); }
    } else if (op == RECEIVE) {
        if (cqe->res > 0) {
            struct chunk *c = &chunks[cqe->flags >> IORING_CQE_BUFFER_SHIFT];
            c->id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
            c->length = cqe->res;
            c->offset = 0;
            c->next = NULL;
            struct side *to = s->peer;
            if (to->first) to->last->next = c; else to->first = c;
            to->last = c;
            if (!to->sending && !to->ended) send_first(to);
            if (!more && !s->ended) receive(s);
        } else if (cqe->res == -ENOBUFS && !s->ended) receive(s);
        else end(s);
    } else {
        s->sending = 0;
        if (cqe->res <= 0) end(s);
        else {
            struct chunk *c = s->first;
            c->offset += cqe->res;
            if (c->offset == c->length) { s->first = c->next; give_back(c->id); }
            if (s->first && !s->ended) send_first(s);
        }
    }
    if (s->ended) bury(s);
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: relay_uring PORT BACKEND_PORT\n"); return 2; }
    backend.sin_port = htons(atoi(argv[2]));
    backend.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = 4 * ENTRIES};
    ring_fd = syscall(__NR_io_uring_setup, ENTRIES, &p);
    if (ring_fd < 0) fail("io_uring_setup");
    size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    if (p.sq_off.array + p.sq_entries * 4 > size) size = p.sq_off.array + p.sq_entries * 4;
    char *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQ_RING);
    sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQES);
    if (ring == MAP_FAILED || sqes == MAP_FAILED) fail("mmap");
    sq_head = (void *)(ring + p.sq_off.head); sq_tail = (void *)(ring + p.sq_off.tail);
    cq_head = (void *)(ring + p.cq_off.head); cq_tail = (void *)(ring + p.cq_off.tail);
    sq_mask = *(uint32_t *)(ring + p.sq_off.ring_mask); cq_mask = *(uint32_t *)(ring + p.cq_off.ring_mask);
    sq_array = (void *)(ring + p.sq_off.array); cqes = (void *)(ring + p.cq_off.cqes);
    buffers = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    memory = mmap(NULL, (size_t)BUFFERS * BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)buffers, .ring_entries = BUFFERS, .bgid = GROUP};
    if (syscall(__NR_io_uring_register, ring_fd, IORING_REGISTER_PBUF_RING, &reg, 1) < 0) fail("register buffers");
    for (int i = 0; i < BUFFERS; i++) give_back(i);

    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    accept_all(listener);
    for (;;) {
        int n = enter(queued, 1);
        if (n >= 0) queued -= n;
        else if (errno != EINTR && errno != EAGAIN && errno != EBUSY) fail("io_uring_enter");
        uint32_t head = atomic_load_explicit(cq_head, memory_order_relaxed);
        while (head != atomic_load_explicit(cq_tail, memory_order_acquire)) {
            struct io_uring_cqe cqe = cqes[head++ & cq_mask];
            atomic_store_explicit(cq_head, head, memory_order_release);
            complete(&cqe);
        }
    }
}

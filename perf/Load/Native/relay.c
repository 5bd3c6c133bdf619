/*
 * The floor of every comparison: what a proxy costs that does nothing. One thread, edge-triggered epoll, one upstream connection for each
 * client connection, bytes copied both ways without a look at them.
 *
 *   relay PORT BACKEND_PORT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
    int fd;
    struct side *peer;
    int ended;              /* closed in this turn; freed at its end, as later events of the turn may still name it */
    char *held;             /* bytes from the peer that the socket did not take */
    size_t length, offset;
    struct side *next_dead;
};

static char buffer[256 * 1024];
static struct side *dead;

static void end(struct side *s) {
    if (s->ended) return;
    s->ended = s->peer->ended = 1;
    close(s->fd);
    close(s->peer->fd);
    s->next_dead = s->peer;
    s->peer->next_dead = dead;
    dead = s;
}

static void bury(void) {
    while (dead != NULL) {
        struct side *s = dead;
        dead = s->next_dead;
        free(s->held);
        free(s);
    }
}

/* 1 when all is sent, 0 when the rest is held, -1 when the pair is over. */
static int flush(struct side *s) {
    while (s->offset < s->length) {
        ssize_t n = send(s->fd, s->held + s->offset, s->length - s->offset, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
        s->offset += n;
    }
    s->length = s->offset = 0;
    return 1;
}

static int pass(struct side *s, const char *bytes, size_t n) {
    ssize_t sent = send(s->fd, bytes, n, MSG_NOSIGNAL);
    if (sent == (ssize_t)n) return 1;
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return -1;
    if (sent < 0) sent = 0;
    if (s->held == NULL) s->held = malloc(sizeof buffer);
    s->offset = 0;
    s->length = n - sent;
    memcpy(s->held, bytes + sent, s->length);
    return 0;
}

static void pump(struct side *from) {
    struct side *to = from->peer;
    int state = flush(to);
    while (state == 1) {
        ssize_t n = recv(from->fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN)) state = -1;
        else if (n < 0) return;
        else {
            state = pass(to, buffer, n);
            /* A read that did not fill the buffer has emptied the socket. */
            if (state == 1 && n < (ssize_t)sizeof buffer) return;
        }
    }
    if (state < 0) end(from);
}

static void watch(int epoll, struct side *s) {
    int one = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = s};
    epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event);
}

static struct sockaddr_in loopback(const char *port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    struct sockaddr_in own = loopback(argv[1]), backend = loopback(argv[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) {
        perror("listen");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct side *s = events[i].data.ptr;
            if (s != NULL) {
                if (!s->ended && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))) pump(s);
                if (!s->ended && (events[i].events & EPOLLOUT) && s->length > 0) pump(s->peer);
                continue;
            }
            int fd;
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                struct side *client = calloc(1, sizeof *client), *upstream = calloc(1, sizeof *upstream);
                client->fd = fd;
                upstream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                client->peer = upstream;
                upstream->peer = client;
                if (connect(upstream->fd, (struct sockaddr *)&backend, sizeof backend) < 0 && errno != EINPROGRESS) {
                    end(client);
                    continue;
                }
                watch(epoll, client);
                watch(epoll, upstream);
            }
        }
        bury();
    }
}

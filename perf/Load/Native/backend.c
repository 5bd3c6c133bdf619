/*
 * The backend of every comparison: one thread, edge-triggered epoll, one fixed answer from memory for each request head.
 * It reads no bodies and checks nothing: it has to cost as little as possible on the core that it shares with the load generator.
 *
 *   backend PORT BODY_SIZE
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

struct connection {
    int fd;
    int matched;    /* how much of CR LF CR LF the last bytes were */
    long owed;      /* answers that were asked for and not begun */
    size_t sent;    /* bytes of the answer in progress */
};

static char *answer;
static size_t answer_length;

static void make_answer(size_t body) {
    answer = malloc(body + 256);
    int head = sprintf(answer,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\ndate: Sun, 01 Nov 2026 00:00:00 GMT\r\n\r\n", body);
    memset(answer + head, 'x', body);
    answer_length = head + body;
}

static void end(struct connection *c) {
    close(c->fd);
    free(c);
}

/* -1 when the connection is over. */
static int answer_owed(struct connection *c) {
    while (c->owed > 0) {
        ssize_t n = send(c->fd, answer + c->sent, answer_length - c->sent, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->sent += n;
        if (c->sent == answer_length) {
            c->sent = 0;
            c->owed--;
        }
    }
    return 0;
}

static void count_heads(struct connection *c, const char *bytes, ssize_t n) {
    /* The common case, one whole head, is told by its last four bytes. */
    if (c->matched == 0 && n >= 4 && memmem(bytes, n, "\r\n\r\n", 4) == bytes + n - 4) {
        c->owed++;
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        char expected = (c->matched & 1) ? '\n' : '\r';
        c->matched = bytes[i] == expected ? c->matched + 1 : bytes[i] == '\r';
        if (c->matched == 4) {
            c->matched = 0;
            c->owed++;
        }
    }
}

static int serve(struct connection *c) {
    static char buffer[65536];
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        if (n < 0) return answer_owed(c);
        count_heads(c, buffer, n);
        if (answer_owed(c) < 0) return -1;
        /* A read that did not fill the buffer has emptied the socket. */
        if (n < (ssize_t)sizeof buffer) return 0;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    make_answer(strtoul(argv[2], NULL, 10));
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

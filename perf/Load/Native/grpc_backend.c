/*
 * The backend of gRPC comparisons: one thread, edge-triggered epoll, HTTP/2 by prior knowledge, one fixed unary answer for each request that has ended:
 * HEADERS, one message in DATA, and HEADERS with grpc-status 0. It decodes no header block and reads no message: it has to cost as little as possible on the
 * core that it shares with the load generator. It respects the connection's window, and stops where a stream's would be too small for the answer.
 *
 *   grpc_backend PORT MESSAGE_SIZE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { PREFACE = 24, HEAD = 9, MAX_FRAME = 16384, WINDOW = 0x3fffffff };

struct connection {
    int fd;
    int has_begun;          /* preface seen, settings sent */
    uint32_t ends;          /* the stream whose header block goes on and which ends with it; 0 for none */
    int64_t window;         /* bytes of DATA that the peer still takes */
    int64_t received;       /* bytes of DATA since the last WINDOW_UPDATE */
    size_t in;              /* bytes of an unfinished frame */
    uint8_t input[65536 + HEAD + MAX_FRAME];
    uint8_t *output;
    size_t output_start, output_end, output_size;
    uint32_t *waiting;      /* streams to be answered when the window is large enough */
    size_t waiting_count, waiting_size;
};

static uint8_t answer[1024 + MAX_FRAME];
static size_t answer_length, answer_data, answer_streams[3];

static void put32(uint8_t *at, uint32_t value) {
    at[0] = value >> 24;
    at[1] = value >> 16;
    at[2] = value >> 8;
    at[3] = value;
}

static uint32_t get32(const uint8_t *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

static void put_head(uint8_t *at, size_t length, int type, int flags, uint32_t stream) {
    put32(at, length << 8 | type);
    at[4] = flags;
    put32(at + 5, stream);
}

/* A literal that enters no table, neither part in Huffman's code. */
static uint8_t *put_field(uint8_t *at, const char *name, const char *value) {
    *at++ = 0;
    *at++ = strlen(name);
    at = mempcpy(at, name, strlen(name));
    *at++ = strlen(value);
    return mempcpy(at, value, strlen(value));
}

static void make_answer(size_t message) {
    uint8_t *at = answer, *block;
    answer_streams[0] = 5;
    block = at + HEAD;
    *block = 0x88; /* :status 200 of the static table */
    block = put_field(block + 1, "content-type", "application/grpc");
    put_head(at, block - at - HEAD, HEADERS, END_HEADERS, 0);
    at = block;
    answer_streams[1] = at - answer + 5;
    answer_data = 5 + message;
    put_head(at, answer_data, DATA, 0, 0);
    at[HEAD] = 0;
    put32(at + HEAD + 1, message);
    memset(at + HEAD + 5, 'x', message);
    at += HEAD + answer_data;
    answer_streams[2] = at - answer + 5;
    block = put_field(at + HEAD, "grpc-status", "0");
    put_head(at, block - at - HEAD, HEADERS, END_HEADERS | END_STREAM, 0);
    answer_length = block - answer;
}

static void end(struct connection *c) {
    close(c->fd);
    free(c->output);
    free(c->waiting);
    free(c);
}

static uint8_t *reserve(struct connection *c, size_t count) {
    if (c->output_start == c->output_end) c->output_start = c->output_end = 0;
    if (c->output_end + count > c->output_size) {
        c->output_size = 2 * (c->output_end + count);
        c->output = realloc(c->output, c->output_size);
    }
    uint8_t *at = c->output + c->output_end;
    c->output_end += count;
    return at;
}

static void answer_stream(struct connection *c, uint32_t stream) {
    uint8_t *at = reserve(c, answer_length);
    memcpy(at, answer, answer_length);
    for (int i = 0; i < 3; i++) put32(at + answer_streams[i], stream);
    c->window -= answer_data;
}

static void request_ended(struct connection *c, uint32_t stream) {
    if (c->waiting_count == 0 && c->window >= (int64_t)answer_data) {
        answer_stream(c, stream);
        return;
    }
    if (c->waiting_count == c->waiting_size) {
        c->waiting_size = 2 * c->waiting_size + 64;
        c->waiting = realloc(c->waiting, c->waiting_size * sizeof *c->waiting);
    }
    c->waiting[c->waiting_count++] = stream;
}

static void window_grew(struct connection *c, uint32_t by) {
    size_t answered = 0;
    c->window += by;
    while (answered < c->waiting_count && c->window >= (int64_t)answer_data) answer_stream(c, c->waiting[answered++]);
    if (answered == 0) return;
    c->waiting_count -= answered;
    memmove(c->waiting, c->waiting + answered, c->waiting_count * sizeof *c->waiting);
}

static int settings(struct connection *c, const uint8_t *payload, size_t length) {
    for (size_t i = 0; i + 6 <= length; i += 6) {
        if (payload[i + 1] == 4 && get32(payload + i + 2) < answer_data) {
            fprintf(stderr, "a stream's window of %u bytes is too small for the answer\n", get32(payload + i + 2));
            return -1;
        }
    }
    put_head(reserve(c, HEAD), 0, SETTINGS, ACK, 0);
    return 0;
}

static void begin(struct connection *c) {
    uint8_t *at = reserve(c, HEAD + 6 + HEAD + 4);
    put_head(at, 6, SETTINGS, 0, 0);
    at[HEAD] = 0;
    at[HEAD + 1] = 4;
    put32(at + HEAD + 2, WINDOW);
    put_head(at + HEAD + 6, 4, WINDOW_UPDATE, 0, 0);
    put32(at + HEAD + 6 + HEAD, WINDOW);
    c->has_begun = 1;
}

static int frame(struct connection *c, const uint8_t *at, size_t length) {
    int type = at[3], flags = at[4];
    uint32_t stream = get32(at + 5);
    const uint8_t *payload = at + HEAD;
    switch (type) {
    case DATA:
        c->received += length;
        if (c->received >= WINDOW / 2) {
            uint8_t *update = reserve(c, HEAD + 4);
            put_head(update, 4, WINDOW_UPDATE, 0, 0);
            put32(update + HEAD, c->received);
            c->received = 0;
        }
        if (flags & END_STREAM) request_ended(c, stream);
        return 0;
    case HEADERS:
        c->ends = flags & END_STREAM ? stream : 0;
        /* fallthrough */
    case CONTINUATION:
        if ((flags & END_HEADERS) && c->ends != 0) {
            request_ended(c, c->ends);
            c->ends = 0;
        }
        return 0;
    case SETTINGS:
        return flags & ACK ? 0 : settings(c, payload, length);
    case PING:
        if ((flags & ACK) == 0) {
            uint8_t *pong = reserve(c, HEAD + 8);
            put_head(pong, 8, PING, ACK, 0);
            memcpy(pong + HEAD, payload, 8);
        }
        return 0;
    case WINDOW_UPDATE:
        if (stream == 0) window_grew(c, get32(payload));
        return 0;
    default:
        return 0;
    }
}

static int flush(struct connection *c) {
    while (c->output_start < c->output_end) {
        ssize_t n = send(c->fd, c->output + c->output_start, c->output_end - c->output_start, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->output_start += n;
    }
    return 0;
}

/* All whole frames of what has come; the rest stays. -1 when the connection is over. */
static int frames(struct connection *c) {
    size_t at = 0;
    if (!c->has_begun) {
        if (c->in < PREFACE) return 0;
        if (memcmp(c->input, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PREFACE) != 0) return -1;
        begin(c);
        at = PREFACE;
    }
    while (c->in - at >= HEAD) {
        size_t length = get32(c->input + at) >> 8;
        if (length > MAX_FRAME) return -1;
        if (c->in - at < HEAD + length) break;
        if (frame(c, c->input + at, length) < 0) return -1;
        at += HEAD + length;
    }
    c->in -= at;
    memmove(c->input, c->input + at, c->in);
    return 0;
}

static int serve(struct connection *c) {
    for (;;) {
        size_t room = sizeof c->input - c->in;
        ssize_t n = recv(c->fd, c->input + c->in, room, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        if (n < 0) return flush(c);
        c->in += n;
        if (frames(c) < 0 || flush(c) < 0) return -1;
        /* A read that did not fill the buffer has emptied the socket. */
        if ((size_t)n < room) return 0;
    }
}

int main(int argc, char **argv) {
    if (argc != 3 || strtoul(argv[2], NULL, 10) > MAX_FRAME - 5) return 2;
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
                c->window = 65535;
                event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}

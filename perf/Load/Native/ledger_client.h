/* How the generator asks a ledger_backend, on a connection of its own that no proxy sees. */
#ifndef LEDGER_CLIENT_H
#define LEDGER_CLIENT_H
#include "ledger.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int connect_to(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Asks the backend directly and returns the answer's body. */
static char *ask_ledger(int port, uint64_t run, const char *what) {
    char head[4096];
    size_t have = 0;
    int fd = connect_to(port);
    int n = snprintf(head, sizeof head, "GET /ledger/%s HTTP/1.1\r\nhost: ledger\r\nx-ledger-id: %016llx\r\n\r\n", what, (unsigned long long)run << 32);
    if (send(fd, head, n, MSG_NOSIGNAL) != n) fail("ledger");
    char *empty = NULL;
    while (empty == NULL && have < sizeof head) {
        ssize_t got = recv(fd, head + have, sizeof head - have, 0);
        if (got <= 0) fail("ledger");
        have += got;
        empty = memmem(head, have, "\r\n\r\n", 4);
    }
    const char *size = empty == NULL ? NULL : FIELD(head, empty + 4, "content-length");
    if (size == NULL) fail("ledger: not an answer");
    size_t length = strtoul(size, NULL, 10);
    char *body = calloc(1, length + 1 + sizeof(struct account_header));
    size_t got_already = head + have - empty - 4;
    if (got_already > length) fail("ledger: more than one answer");
    memcpy(body, empty + 4, got_already);
    while (got_already < length) {
        ssize_t got = recv(fd, body + got_already, length - got_already, 0);
        if (got <= 0) fail("ledger");
        got_already += got;
    }
    close(fd);
    const struct account_header *header = (const struct account_header *)body;
    if (strcmp(what, "end") == 0 && (header->run != run || length != sizeof *header + header->count * sizeof(struct account))) fail("ledger: not a ledger_backend");
    return body;
}
#endif

/*
 * A backend that keeps a ledger, as a process of its own; see ledger_backend.h for what it keeps. One thread, edge-triggered epoll.
 *
 *   ledger_backend PORT BODY_SIZE [FAULT]
 *
 * GET /ledger/begin empties the ledger for the run of its id; GET /ledger/end answers with an account_header and the accounts.
 * FAULT, for the check of the ledger itself, befalls every 100th request: lose (no answer), repeat (two answers), double (recorded twice),
 * damage (a byte of the body differs), swap (the answer of the request after it), forget (not recorded);
 * stall befalls the 300th alone (200 ms in which nothing is served).
 */
#define _GNU_SOURCE
#include "ledger_backend.h"

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    if (argc > 3) backend.fault = argv[3];
    int epoll = epoll_create1(0);
    if (backend_listen(epoll, atoi(argv[1]), strtoul(argv[2], NULL, 10)) < 0) {
        perror("listen");
        return 1;
    }
    for (struct epoll_event events[256];;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) backend_serve(events[i].data.ptr);
    }
}

/*
 * What both ends of a ledger agree on: how a request is numbered, what a body's hash is, and the backend's account of one request.
 *
 * An id is the run's number above 32 bits of the request's. It travels in hexadecimal, in the field x-ledger-id of request and answer and as the
 * first bytes of both bodies, so that no two bodies of a run are the same.
 */
#ifndef LEDGER_H
#define LEDGER_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ID_LENGTH = 16, MAX_REQUESTS = 1 << 26 };

/* The backend's account of a request; it sends these in the order of the requests' numbers. */
struct account {
    uint64_t request_hash, answer_hash; /* of the bodies that it received and sent */
    uint64_t times;                     /* how often the request came */
};

/* Comes before the accounts. */
struct account_header {
    uint64_t run, count;
    uint64_t strangers; /* requests with an id of another run */
};

/* A hash over bytes that arrive in any pieces. Not cryptographic: it has to notice accidents, eight bytes at a time. */
struct hash {
    uint64_t state, word, length;
};

static inline uint64_t hash_mix(uint64_t state, uint64_t word) {
    state = (state ^ word) * 0x9e3779b97f4a7c15ull;
    return state ^ state >> 29;
}

static inline void hash_add(struct hash *h, const char *bytes, size_t n) {
    while (n > 0) {
        unsigned have = h->length & 7;
        if (have == 0 && n >= 8) {
            uint64_t word;
            memcpy(&word, bytes, 8);
            h->state = hash_mix(h->state, word);
            h->length += 8;
            bytes += 8;
            n -= 8;
            continue;
        }
        h->word |= (uint64_t)(unsigned char)*bytes++ << 8 * have;
        n--;
        if ((++h->length & 7) == 0) {
            h->state = hash_mix(h->state, h->word);
            h->word = 0;
        }
    }
}

static inline uint64_t hash_end(const struct hash *h) { return hash_mix(hash_mix(h->state, h->word), h->length); }

static inline void write_id(char *to, uint64_t id) {
    for (int i = ID_LENGTH - 1; i >= 0; i--, id >>= 4) to[i] = "0123456789abcdef"[id & 15];
}

/* A body of `size` bytes is the id, cut to the size, and then filler that does not repeat within a line or a page. */
static inline char *make_filler(size_t size) {
    char *filler = malloc(size + 1);
    uint32_t random = 2463534242u;
    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        filler[i] = 'a' + random % 26;
    }
    return filler;
}

static inline size_t id_bytes_of(size_t body) { return body < ID_LENGTH ? body : ID_LENGTH; }

static inline uint64_t hash_of_body(const char *id, const char *filler, size_t size) {
    struct hash h = {0};
    hash_add(&h, id, id_bytes_of(size));
    hash_add(&h, filler, size - id_bytes_of(size));
    return hash_end(&h);
}

/* The value of a field in a head that ends in an empty line, or NULL; the name is matched without case, as proxies rewrite it. */
static inline const char *field(const char *head, const char *end, const char *name, size_t length) {
    const char *line = head;
    while ((line = memchr(line, '\n', end - line)) != NULL && ++line + length < end) {
        if (line[length] != ':' || strncasecmp(line, name, length) != 0) continue;
        for (line += length + 1; line < end && *line == ' '; line++) {}
        return line;
    }
    return NULL;
}
#define FIELD(head, end, name) field(head, end, name, sizeof name - 1)
#endif

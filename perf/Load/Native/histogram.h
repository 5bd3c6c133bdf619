/*
 * A histogram of durations in nanoseconds with the precision of HdrHistogram at three significant digits: values below 2,048 are counted exactly,
 * every octave above has 1,024 equal steps. Recording is a shift and an increment; nothing is allocated.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <math.h>
#include <stdint.h>

enum { EXACT = 2048, STEPS = 1024, STEP_BITS = 10, OCTAVES = 29 }; /* up to 2^40 ns, 18 minutes; what is longer is counted as that */

struct histogram {
    uint64_t counts[EXACT + OCTAVES * STEPS];
    uint64_t total, min, max;
};

static inline unsigned histogram_index(uint64_t value) {
    if (value < EXACT) return value;
    if (value >> 40) value = (1ull << 40) - 1;
    unsigned shift = 63 - __builtin_clzll(value) - STEP_BITS;
    return EXACT + (shift - 1) * STEPS + (value >> shift) - STEPS;
}

/* The highest value that is counted at an index. */
static inline uint64_t histogram_value(unsigned index) {
    if (index < EXACT) return index;
    unsigned shift = (index - EXACT) / STEPS + 1;
    uint64_t step = (index - EXACT) % STEPS + STEPS;
    return ((step + 1) << shift) - 1;
}

static inline void histogram_record(struct histogram *h, uint64_t value) {
    h->counts[histogram_index(value)]++;
    if (h->total++ == 0 || value < h->min) h->min = value;
    if (value > h->max) h->max = value;
}

/* The smallest counted value that at least this share of all values does not exceed; 0 when nothing was recorded. */
static inline uint64_t histogram_percentile(const struct histogram *h, double percent) {
    /* The subtraction keeps a product such as 0.999 * 1,000, which is a little too large in binary, from being rounded up. */
    uint64_t rank = ceil(percent / 100 * h->total - 1e-6), seen = 0;
    if (rank == 0) rank = 1;
    for (unsigned i = 0; h->total > 0 && i < EXACT + OCTAVES * STEPS; i++) {
        seen += h->counts[i];
        if (seen >= rank) {
            uint64_t value = histogram_value(i);
            return value < h->max ? value : h->max;
        }
    }
    return h->max;
}
#endif

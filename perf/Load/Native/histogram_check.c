/*
 * Checks histogram.h against the exact answer: every value is counted within a thousandth of itself, and percentiles are those of the sorted
 * values. Status 0 when it holds, else 1 and what does not.
 *
 *   histogram_check
 */
#include "histogram.h"
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 200000 };

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int check_value(uint64_t value) {
    uint64_t counted = histogram_value(histogram_index(value));
    int before_is_lower = histogram_index(value) == 0 || histogram_value(histogram_index(value) - 1) < value;
    if (counted >= value && counted - value <= value / 1000 && before_is_lower) return 0;
    printf("%llu is counted as %llu\n", (unsigned long long)value, (unsigned long long)counted);
    return 1;
}

int main(void) {
    static struct histogram h, empty;
    static uint64_t values[VALUES];
    static const double percents[] = {0, 0.001, 1, 50, 90, 99, 99.9, 99.99, 100};
    uint64_t random = 88172645463325252ull;
    int failed = histogram_percentile(&empty, 99) != 0;
    for (uint64_t value = 0; value < 5000; value++) failed += check_value(value);
    for (int bit = 12; bit < 40; bit++) failed += check_value((1ull << bit) - 1) + check_value(1ull << bit) + check_value((1ull << bit) + 1);
    for (int i = 0; i < VALUES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        values[i] = (random >> 8) >> random % 48; /* of every magnitude below 2^56, most of them long past the range */
        if (values[i] >> 40) values[i] &= (1ull << 40) - 1;
        failed += check_value(values[i]);
        histogram_record(&h, values[i]);
    }
    qsort(values, VALUES, sizeof *values, ascending);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        uint64_t rank = ceil(percents[i] / 100 * VALUES - 1e-6), exact = values[rank == 0 ? 0 : rank - 1];
        uint64_t found = histogram_percentile(&h, percents[i]);
        if (found >= exact && found - exact <= exact / 1000) continue;
        failed++;
        printf("percentile %g is %llu, not %llu\n", percents[i], (unsigned long long)found, (unsigned long long)exact);
    }
    return failed > 0;
}

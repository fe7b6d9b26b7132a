#include "stats.h"

double ring_mean(const struct ring *ring)
{
    double s = 0;
    for (int i = 0; i < ring->count; i++)
        s += ring_at(ring, i);
    return s / ring->count;
}

double ring_max(const struct ring *ring)
{
    double max = 0;
    for (int i = 0; i < ring->count; i++) {
        if (ring_at(ring, i) > max)
            max = ring_at(ring, i);
    }
    return max;
}

#include "ring.h"

void ring_clear(struct ring *ring)
{
    ring->start = 0;
    ring->count = 0;
}

void ring_push(struct ring *ring, double value)
{
    int end = (ring->start + ring->count) % RING_SIZE;
    ring->values[end] = value;
    if (ring->count < RING_SIZE)
        ring->count++;
}

/* The value at index, where 0 is the oldest one. */
double ring_at(const struct ring *ring, int index)
{
    return ring->values[(ring->start + index) % RING_SIZE];
}

#ifndef RING_H
#define RING_H

#define RING_SIZE 8

/* The last values of a sensor. */
struct ring {
    double values[RING_SIZE];
    int start;
    int count;
};

void ring_clear(struct ring *ring);
void ring_push(struct ring *ring, double value);
double ring_at(const struct ring *ring, int index);

#endif

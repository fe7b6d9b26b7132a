#ifndef STATS_H
#define STATS_H

#include "ring.h"

double ring_mean(const struct ring *ring);
double ring_max(const struct ring *ring);

#endif

#include "level.h"

#include <string.h>

static const char *const names[] = { "debug", "info", "error" };

const char *level_name(enum level level)
{
    return names[level];
}

int level_parse(const char *text, enum level *level)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (enum level)i;
            return 1;
        }
    }
    return 0;
}

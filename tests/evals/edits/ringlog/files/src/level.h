#ifndef LEVEL_H
#define LEVEL_H

enum level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_ERROR };

const char *level_name(enum level level);
int level_parse(const char *text, enum level *level);

#endif

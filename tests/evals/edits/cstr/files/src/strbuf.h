#ifndef STRBUF_H
#define STRBUF_H

#include <stddef.h>

/* A text that grows. */
struct strbuf {
    char *data;
    size_t length;
    size_t capacity;
};

void strbuf_init(struct strbuf *buf);
void strbuf_free(struct strbuf *buf);
void strbuf_append(struct strbuf *buf, const char *text);
void strbuf_append_char(struct strbuf *buf, char c);
int strbuf_ends_with(const struct strbuf *buf, const char *end);

#endif

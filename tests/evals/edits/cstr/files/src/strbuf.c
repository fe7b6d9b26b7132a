#include "strbuf.h"

#include <stdlib.h>
#include <string.h>

static void reserve(struct strbuf *buf, size_t more)
{
    size_t need = buf->length + more;
    if (need <= buf->capacity)
        return;
    size_t n = buf->capacity ? buf->capacity * 2 : 16;
    while (n < need)
        n *= 2;
    buf->data = realloc(buf->data, n);
    buf->capacity = n;
}

void strbuf_init(struct strbuf *buf)
{
    buf->data = NULL;
    buf->length = 0;
    buf->capacity = 0;
}

void strbuf_free(struct strbuf *buf)
{
    free(buf->data);
    strbuf_init(buf);
}

void strbuf_append(struct strbuf *buf, const char *text)
{
    size_t length = strlen(text);
    reserve(buf, length + 1);
    memcpy(buf->data + buf->length, text, length + 1);
    buf->length += length;
}

void strbuf_append_char(struct strbuf *buf, char c)
{
    char text[2] = { c, 0 };
    strbuf_append(buf, text);
}

int strbuf_ends_with(const struct strbuf *buf, const char *end)
{
    size_t length = strlen(end);
    return strcmp(buf->data + buf->length - length, end) == 0;
}

#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Words are separated by whitespace. */
int count_words(const char *text)
{
    int count = 0;
    for (const char *p = text; *p; p++) {
        if (*p == ' ')
            count++;
    }
    return count + 1;
}

void capitalize(char *text)
{
    int start = 1;
    for (char *p = text; *p; p++) {
        if (start)
            *p = (char)toupper((unsigned char)*p);
        start = isspace((unsigned char)*p);
    }
}

int is_palindrome(const char *text)
{
    size_t i = 0, j = strlen(text);
    while (i < j) {
        if (text[i] != text[j])
            return 0;
        i++;
        j--;
    }
    return 1;
}

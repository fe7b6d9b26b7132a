#ifndef WORDS_H
#define WORDS_H

int count_words(const char *text);
void capitalize(char *text);
int is_palindrome(const char *text);

#endif

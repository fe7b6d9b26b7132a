#include <stdio.h>

int last_lines(const char *text, int count)
{
	int lines = 0;
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			lines++;
	}
	return lines < count ? lines : count;
}

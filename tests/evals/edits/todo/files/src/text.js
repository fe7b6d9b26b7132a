'use strict';

/** Pad `text` with blanks on the left to `width` characters. */
function padLeft(text, width) {
  return ' '.repeat(Math.max(0, width - text.length)) + text;
}

function truncate(text, width) {
  if (text.length <= width) {
    return text;
  }
  return text.slice(0, width) + '...';
}

function parseTags(text) {
  const tags = [];
  for (const word of text.split(' ')) {
    if (word.startsWith('#')) {
      tags.push(word.slice(1));
    }
  }
  return tags;
}

module.exports = { padLeft, truncate, parseTags };

'use strict';

const { padLeft } = require('./text');

function formatItem(item) {
  const mark = item.done ? 'x' : ' ';
  const tags = item.tags.map((tag) => '#' + tag).join(' ');
  return `${padLeft(String(item.id), 3)} [${mark}] ${item.title} ${tags}`.trimEnd();
}

function formatList(items) {
  if (items.length === 0) {
    return 'nothing to do';
  }
  return items.map(formatItem).join('\n');
}

module.exports = { formatItem, formatList };

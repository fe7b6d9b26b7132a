'use strict';

const { Store } = require('./store');
const { formatList } = require('./format');
const { parseTags } = require('./text');

/** Run one command on `store` and return what is printed. */
function run(store, args) {
  const [command, ...rest] = args;
  switch (command) {
    case 'add': {
      const words = rest.filter((word) => !word.startsWith('#'));
      return `added ${store.add(words.join(' '), parseTags(rest.join(' '))).id}`;
    }
    case 'done':
      return `done ${store.complete(Number(rest[0])).title}`;
    case 'list':
      return formatList(store.open());
    default:
      throw new Error(`unknown command ${command}`);
  }
}

module.exports = { run, Store };

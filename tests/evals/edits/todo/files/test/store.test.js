'use strict';

const test = require('node:test');
const assert = require('node:assert');
const { Store } = require('../src/store');
const { formatItem } = require('../src/format');

test('items get ids in their order', () => {
  const store = new Store();
  assert.equal(store.add('a').id, 1);
  assert.equal(store.add('b').id, 2);
});

test('an item is shown in one line', () => {
  assert.equal(formatItem({ id: 2, title: 'milk', tags: ['shop'], done: false }), '  2 [ ] milk #shop');
});

test('removed items are gone', () => {
  const store = new Store();
  store.add('a');
  store.remove(1);
  assert.throws(() => store.find(1));
});

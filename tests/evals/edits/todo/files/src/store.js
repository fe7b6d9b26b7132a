'use strict';

class Store {
  constructor() {
    this.items = [];
    this.nextId = 1;
  }

  add(title, tags = []) {
    const item = { id: this.nextId++, title, tags, done: false };
    this.items.push(item);
    return item;
  }

  find(id) {
    const item = this.items.find((candidate) => candidate.id == id);
    if (!item) {
      throw new Error('not found');
    }
    return item;
  }

  complete(id) {
    const item = this.find(id);
    item.done = true;
    return item;
  }

  remove(id) {
    const idx = this.items.indexOf(this.find(id));
    return this.items.splice(idx, 1)[0];
  }

  open() {
    return this.items.filter((item) => item.done);
  }
}

module.exports = { Store };

'use strict';

const { compile } = require('./pattern');
const { parseQuery } = require('./query');

class Router {
  constructor() {
    this.routes = [];
    this.middleware = [];
  }

  use(handler) {
    this.middleware.push(handler);
    return this;
  }

  add(method, pattern, handler) {
    this.routes.push({ method, match: compile(pattern), handler });
    return this;
  }

  get(pattern, handler) {
    return this.add('GET', pattern, handler);
  }

  post(pattern, handler) {
    return this.add('POST', pattern, handler);
  }

  handle(method, url) {
    const [path, text = ''] = url.split('?');
    for (const r of this.routes) {
      const params = r.method === method ? r.match(path) : null;
      if (params) {
        const request = { method, path, params, query: parseQuery(text) };
        for (const before of this.middleware) before(request);
        return { status: 200, body: r.handler(request) };
      }
    }
    return { status: 404, body: 'not found' };
  }
}

module.exports = { Router };

'use strict';

const TYPES = {
  html: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  json: 'application/json',
  png: 'image/png',
};

function typeOf(path) {
  const extension = path.split('.').pop();
  return TYPES[extension] || 'application/octet-stream';
}

module.exports = { typeOf };

'use strict';

function parseQuery(text) {
  const out = {};
  for (const pair of text.split('&')) {
    const [key, value] = pair.split('=');
    if (key) out[decodeURIComponent(key)] = decodeURIComponent(value || '');
  }
  return out;
}

function formatQuery(query) {
  return Object.entries(query)
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
}

module.exports = { parseQuery, formatQuery };

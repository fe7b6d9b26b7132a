'use strict';

/** Compile a pattern such as /users/:id into a function that gives the parameters of a path, or null. */
function compile(pattern) {
  const parts = split(pattern);
  return (path) => {
    const given = split(path);
    if (given.length < parts.length) return null;
    const params = {};
    for (let i = 0; i < parts.length; i++) {
      if (parts[i].startsWith(':')) {
        params[parts[i].slice(1)] = decodeURIComponent(given[i]);
      } else if (parts[i] !== given[i]) {
        return null;
      }
    }
    return params;
  };
}

function split(path) {
  return path.split('/').filter(Boolean);
}

module.exports = { compile, split };

'use strict';

function renderLine(line) {
  return `<li>${line.count} x ${line.name}</li>`;
}

function renderCart(lines) {
  return '<ul>' + lines.map(renderLine).join('') + '</ul>';
}

function formatPrice(cents) {
  return (cents / 100).toFixed(2) + ' EUR';
}

module.exports = { renderCart, renderLine, formatPrice };

const DAY = 24 * 60 * 60 * 1000;

function pad(text, width) {
  return String(text).padStart(width, "0");
}

export function formatDate(date) {
  return `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`;
}

export function daysBetween(from, to) {
  return Math.round((to - from) / DAY);
}

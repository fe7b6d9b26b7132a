import { formatDate } from "./dates.js";

function cell(value) {
  return value instanceof Date ? formatDate(value) : String(value);
}

export function columnWidths(rows) {
  const widths = {};
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      widths[name] = Math.max(widths[name] ?? name.length, cell(value).length);
    }
  }
  return widths;
}

export function formatTable(rows) {
  const widths = columnWidths(rows);
  const names = Object.keys(widths);
  const line = (get) => names.map((name) => get(name).padEnd(widths[name])).join(" | ").trimEnd();
  return [line((name) => name), ...rows.map((row) => line((name) => cell(row[name])))].join("\n");
}

export { parse, parseLine } from "./csv.js";
export { formatDate, daysBetween } from "./dates.js";
export { formatTable } from "./format.js";

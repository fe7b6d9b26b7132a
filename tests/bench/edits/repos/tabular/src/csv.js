export function parseLine(line) {
  return line.split(",");
}

export function parse(text) {
  const [head, ...rows] = text.split("\n").filter((line) => line !== "");
  const names = parseLine(head);
  return rows.map((row) => {
    const values = parseLine(row);
    return Object.fromEntries(names.map((name, index) => [name, values[index]]));
  });
}

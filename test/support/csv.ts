import assert from 'node:assert/strict';

/** The cells of a CSV as a strict reader takes them. */
export function parseCsv(text: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  let at = 0;
  while (at < text.length) {
    let cell = '';
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        if (text[at] === '"') at += 1;
        cell += text[at];
      }
      at += 1;
    } else {
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') {
        cell += text[at];
        at += 1;
      }
    }
    cells.push(cell);
    if (text[at] === '\n') {
      lines.push(cells);
      cells = [];
    } else assert.equal(text[at], ',', `${at}: ${text.slice(at - 20, at + 20)}`);
    at += 1;
  }
  assert.deepEqual(cells, []);
  return lines;
}

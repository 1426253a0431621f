/** Images as a table that spreadsheets open. */

/**
 * Write images as CSV, a line each.
 *
 * @param {Object[]} images Answers, or images of the gallery; columns that none has are left out.
 * @returns {string} With a byte order mark, so that spreadsheets read it as UTF-8.
 */
export function toCsv(images) {
  const rows = images.map(flat);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((one) => row[one] ?? ""))];
  return `\ufeff${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

function flat(image) {
  const { rank, id, name, identity, score, confidence, sha256 } = image;
  const row = { rank, id, name, identity, score, confidence };
  for (const group of ["parts", "condition", "estimate"]) {
    for (const [key, value] of Object.entries(image[group] ?? {})) row[`${group}.${key}`] = value;
  }
  row.sha256 = sha256;
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined && value !== null));
}

/** Write a cell; text that a spreadsheet would take for a formula gets an apostrophe. */
function cell(value) {
  let text = String(value);
  if (/^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text))) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Evidence spans: byte ranges of the UTF-8 text, shown on JavaScript's UTF-16 strings.

export interface Mark {
  begin: number; // bytes
  end: number; // bytes, exclusive
  label: string;
}

export interface Piece {
  text: string;
  labels: string[]; // of every mark that covers it; empty: plain
}

const bytesOf = (code: number) => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);

export function byteLength(text: string): number {
  let bytes = 0;
  for (const character of text) bytes += bytesOf(character.codePointAt(0)!);
  return bytes;
}

// Cuts the text at every border of a mark. A border inside a character moves outwards, so that a mark never loses a
// part of what it covers; ranges outside the text are cut off or ignored.
export function pieces(text: string, marks: Mark[]): Piece[] {
  const starts: number[] = []; // byte offset of every character
  const units: number[] = []; // its UTF-16 offset
  let bytes = 0;
  let unit = 0;
  for (const character of text) {
    starts.push(bytes);
    units.push(unit);
    bytes += bytesOf(character.codePointAt(0)!);
    unit += character.length;
  }
  starts.push(bytes);
  units.push(unit);
  const at = (offset: number, up: boolean) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return units[up && starts[low]! < offset ? Math.min(low + 1, units.length - 1) : low]!;
  };
  const ranges = marks
    .filter((mark) => mark.end > mark.begin && mark.begin < bytes && mark.end > 0)
    .map((mark) => ({ begin: at(Math.max(0, mark.begin), false), end: at(mark.end, true), label: mark.label }));
  const borders = [...new Set([0, text.length, ...ranges.flatMap((range) => [range.begin, range.end])])].sort((a, b) => a - b);
  const out: Piece[] = [];
  for (let i = 0; i + 1 < borders.length; ++i) {
    const [begin, end] = [borders[i]!, borders[i + 1]!];
    const labels = [...new Set(ranges.filter((range) => range.begin <= begin && range.end >= end).map((range) => range.label))];
    out.push({ text: text.slice(begin, end), labels });
  }
  return out;
}

// The guard judges several messages as one text, joined by a line break; this gives each message its own marks.
export function spread(texts: string[], marks: Mark[]): Mark[][] {
  let begin = 0;
  return texts.map((text) => {
    if (begin > 0) ++begin; // the line break
    const start = begin;
    begin += byteLength(text);
    return marks.map((mark) => ({ ...mark, begin: mark.begin - start, end: mark.end - start }));
  });
}

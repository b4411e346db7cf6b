// The little Markdown that policies are rendered in: headings, lists, paragraphs, **bold** and `code`. Blocks, not HTML:
// nothing of a policy's text is ever parsed by the browser.

export interface Inline {
  kind: 'text' | 'bold' | 'code';
  text: string;
}

export interface Block {
  kind: 'heading' | 'item' | 'paragraph';
  level: number;
  inline: Inline[];
}

export function inline(text: string): Inline[] {
  const out: Inline[] = [];
  let rest = 0;
  for (const match of text.matchAll(/\*\*([^*]+)\*\*|`([^`]+)`/g)) {
    if (match.index > rest) out.push({ kind: 'text', text: text.slice(rest, match.index) });
    out.push(match[1] !== undefined ? { kind: 'bold', text: match[1] } : { kind: 'code', text: match[2]! });
    rest = match.index + match[0].length;
  }
  if (rest < text.length) out.push({ kind: 'text', text: text.slice(rest) });
  return out;
}

export function blocks(markdown: string): Block[] {
  const out: Block[] = [];
  let open: { kind: Block['kind']; level: number; text: string } | null = null;
  const close = () => {
    if (open) out.push({ kind: open.kind, level: open.level, inline: inline(open.text) });
    open = null;
  };
  for (const line of markdown.split('\n')) {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = /^(\s*)(?:[-*]|\d+\.)\s+(.*)$/.exec(line);
    if (heading) {
      close();
      out.push({ kind: 'heading', level: heading[1]!.length, inline: inline(heading[2]!) });
    } else if (item) {
      close();
      open = { kind: 'item', level: Math.floor(item[1]!.length / 2), text: item[2]! };
    } else if (!line.trim()) {
      close();
    } else if (open) {
      const started: { text: string } = open;
      started.text += ` ${line.trim()}`;
    } else {
      open = { kind: 'paragraph', level: 0, text: line.trim() };
    }
  }
  close();
  return out;
}

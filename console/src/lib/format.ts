// Numbers, times and names as people read them.

export function percent(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return `${(100 * value).toFixed(digits)}\u00a0%`;
}

// A difference of two shares, in points.
export function points(value: number): string {
  const text = Math.abs(100 * value).toFixed(1);
  return `${text === '0.0' ? '±' : value < 0 ? '−' : '+'}${text}`;
}

// 3.456 → "3.46", 0.00012 → "1.2e-4", 12 → "12".
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace('e+', 'e');
  return value.toPrecision(3);
}

// A score from 0 to 1.
export function score(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : '–';
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value < 10) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return `${(value / 1000).toFixed(2)} s`;
}

// 75 → "1 min 15 s".
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  return hours < 48 ? `${hours} h ${minutes} min` : `${Math.floor(hours / 24)} days`;
}

const pad = (value: number) => String(value).padStart(2, '0');

// The clock of the reader's own time zone; the date only where it is not today.
export function clock(time: string | undefined, now = new Date()): string {
  const date = new Date(time ?? '');
  if (Number.isNaN(date.getTime())) return '–';
  const hms = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  if (date.toDateString() === now.toDateString()) return hms;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${hms}`;
}

export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (!Number.isFinite(seconds)) return '–';
  return seconds < 3 ? 'just now' : `${duration(seconds < 3600 ? seconds : seconds - (seconds % 60))} ago`;
}

// "tool_result" → "tool result".
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export function shortHash(hash: string, length = 12): string {
  return hash.length > length ? `${hash.slice(0, length)}…` : hash;
}

// The text of a message as the guard reads it (its text parts, joined), and what else it holds named after that.
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === null || content === undefined ? '' : JSON.stringify(content);
  const texts = content.filter((part) => typeof part?.text === 'string').map((part) => part.text as string);
  const others = content.filter((part) => typeof part?.text !== 'string').map((part) => `[${part?.type ?? 'part'}]`);
  return [...texts, ...others].join('\n');
}

// Any JSON value in few words: fields side by side, list entries one a line.
export function brief(value: unknown): string {
  if (typeof value === 'number') return short(value);
  if (value === null || value === undefined) return '–';
  if (Array.isArray(value)) return value.map(brief).join(value.some((one) => typeof one === 'object' && one !== null) ? '\n' : ', ');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value).map(([key, one]) => `${words(key)} ${brief(one)}`).join(' · ');
}

// This browser as a modest witness: it remembers the largest tree head it has seen, and notices when a later one is
// smaller, has another root at the same size, or is signed by another key.

import type { Head } from './types.js';

export interface Seen {
  key: string;
  size: number;
  root: string;
  time: string;
}

export interface Memory {
  state: 'first' | 'grown' | 'shrunk' | 'changed' | 'other';
  before: Seen | null;
}

const NAME = 'plumb.head';
type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

function load(store: Store): Seen | null {
  try {
    const seen = JSON.parse(store.getItem(NAME) ?? 'null');
    return typeof seen?.key === 'string' && typeof seen?.size === 'number' ? seen : null;
  } catch {
    return null;
  }
}

export function compareHead(store: Store, head: Head): Memory {
  const before = load(store);
  if (!before) return { state: 'first', before };
  if (before.key !== head.verifier_key) return { state: 'other', before };
  if (head.size < before.size) return { state: 'shrunk', before };
  if (head.size === before.size && head.root !== before.root) return { state: 'changed', before };
  return { state: 'grown', before };
}

export function rememberHead(store: Store, head: Head, now: Date) {
  const seen: Seen = { key: head.verifier_key, size: head.size, root: head.root, time: now.toISOString() };
  store.setItem(NAME, JSON.stringify(seen));
}

export function forgetHead(store: Store) {
  store.removeItem(NAME);
}

// Checks in this browser what the ledger claims, trusting nothing of the server but the verifier key: RFC 9162 Merkle
// inclusion, C2SP checkpoint, Ed25519. The formats are those of src/evidence/ledger/checkpoint.h.

import type { Proof } from './types.js';

export interface Check {
  name: string;
  outcome: 'passed' | 'failed' | 'unavailable';
  detail: string;
}

export interface ProofResult {
  checks: Check[];
  outcome: 'passed' | 'failed' | 'unavailable';
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array<ArrayBuffer>;
  body: string; // what is signed
  signatures: { name: string; keyId: Uint8Array<ArrayBuffer>; signature: Uint8Array<ArrayBuffer> }[];
}

type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function unhex(text: string): Bytes {
  if (text.length % 2 || !/^[0-9a-f]*$/i.test(text)) throw new Error('not hexadecimal');
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function base64(text: string): Bytes {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw new Error('not base64');
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function join(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

export const leafHash = (entry: string) => sha256(join(Uint8Array.of(0), utf8.encode(entry)));
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(join(Uint8Array.of(1), left, right));

// RFC 9162 §2.1.3.2. Indices stay below 2^53, so plain arithmetic replaces shifts. Throws where the proof's shape is
// wrong.
export async function rootFromPath(leaf: Bytes, index: number, size: number, path: Bytes[]): Promise<Bytes> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size)
    throw new Error(`entry ${index} is not in a tree of ${size}`);
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (sibling.length !== 32) throw new Error('a hash of the path is not 32 bytes');
    if (sn === 0) throw new Error('the path is too long');
    if (fn % 2 === 1 || fn === sn) {
      hash = await nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0) throw new Error('the path is too short');
  return hash;
}

export function parseCheckpoint(note: string): Checkpoint {
  const end = note.indexOf('\n\n');
  if (end < 0) throw new Error('the checkpoint has no signature part');
  const body = note.slice(0, end + 1);
  const [origin, size, root, ...more] = body.slice(0, -1).split('\n');
  if (!origin || !size || !root || more.length) throw new Error('the checkpoint does not have three lines');
  if (!/^(0|[1-9][0-9]*)$/.test(size)) throw new Error('the checkpoint has no size');
  const hash = base64(root);
  if (hash.length !== 32) throw new Error("the checkpoint's root is not 32 bytes");
  const lines = note.slice(end + 2).split('\n');
  if (lines.pop() !== '' || !lines.length) throw new Error("the checkpoint's signature is cut short");
  const signatures = lines.map((line) => {
    const parts = line.split(' ');
    if (parts.length !== 3 || parts[0] !== '—') throw new Error("the checkpoint's signature line is malformed");
    const bytes = base64(parts[2]!);
    return { name: parts[1]!, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { origin, size: Number(size), root: hash, body, signatures };
}

// "origin+key id in hex+base64(0x01 ‖ public key)"; the origin has no '+', base64 may.
export async function parseVerifierKey(key: string): Promise<{ name: string; keyId: Bytes; publicKey: Bytes }> {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(key.trim());
  if (!match) throw new Error('not a verifier key: must be origin+keyid+base64');
  const bytes = base64(match[3]!);
  if (bytes.length !== 33 || bytes[0] !== 1) throw new Error('the verifier key is not an Ed25519 key');
  const id = (await sha256(join(utf8.encode(`${match[1]}\n`), bytes))).slice(0, 4);
  if (hex(id) !== match[2]) throw new Error('the verifier key is damaged: its id does not match its key');
  return { name: match[1]!, keyId: id, publicKey: bytes.slice(1) };
}

export async function checkSignature(checkpoint: Checkpoint, verifierKey: string): Promise<Check> {
  const name = 'The tree head is signed by the verifier key';
  try {
    const key = await parseVerifierKey(verifierKey);
    const line = checkpoint.signatures.find((s) => s.name === key.name && same(s.keyId, key.keyId));
    if (!line) return { name, outcome: 'failed', detail: `no signature by ${key.name}` };
    if (key.name !== checkpoint.origin) return { name, outcome: 'failed', detail: `the head is of ${checkpoint.origin}` };
    let imported: CryptoKey;
    try {
      imported = await crypto.subtle.importKey('raw', key.publicKey, { name: 'Ed25519' }, false, ['verify']);
    } catch {
      return { name, outcome: 'unavailable', detail: 'this browser has no Ed25519; `plumb ledger verify` checks it' };
    }
    const valid = await crypto.subtle.verify({ name: 'Ed25519' }, imported, line.signature, utf8.encode(checkpoint.body));
    return { name, outcome: valid ? 'passed' : 'failed', detail: valid ? verifierKey : 'the signature does not verify' };
  } catch (error) {
    return { name, outcome: 'failed', detail: (error as Error).message };
  }
}

function entryId(entry: string): string | undefined {
  const value = JSON.parse(entry);
  return typeof value?.id === 'string' ? value.id : undefined;
}

// Everything that can be checked of an inclusion proof; `id` is the entry it must be about.
export async function checkProof(proof: Proof, verifierKey: string, id: string): Promise<ProofResult> {
  if (!globalThis.crypto?.subtle) {
    const detail = 'the browser gives pages its cryptography only over https or on this machine (127.0.0.1)';
    return { checks: [{ name: 'SHA-256 in this browser', outcome: 'unavailable', detail }], outcome: 'unavailable' };
  }
  const checks: Check[] = [];
  const step = async (name: string, body: () => Promise<string>) => {
    try {
      checks.push({ name, outcome: 'passed', detail: await body() });
      return true;
    } catch (error) {
      checks.push({ name, outcome: 'failed', detail: (error as Error).message });
      return false;
    }
  };
  let leaf: Bytes = new Uint8Array();
  let checkpoint: Checkpoint | undefined;
  await step('The entry is this exchange', async () => {
    const found = entryId(proof.entry);
    if (found !== id) throw new Error(`the entry is about ${found ?? 'nothing with an id'}`);
    return found;
  });
  await step('The entry hashes to the leaf', async () => {
    leaf = await leafHash(proof.entry);
    if (hex(leaf) !== proof.leaf_hash) throw new Error(`SHA-256 gives ${hex(leaf)}`);
    return hex(leaf);
  });
  await step('The tree head is well formed', async () => {
    checkpoint = parseCheckpoint(proof.checkpoint);
    if (checkpoint.size !== proof.tree_size) throw new Error(`it covers ${checkpoint.size} entries, not ${proof.tree_size}`);
    return `${checkpoint.size} entries`;
  });
  if (checkpoint) {
    const head = checkpoint;
    await step("The path leads from the leaf to the head's root", async () => {
      const root = await rootFromPath(leaf, proof.index, head.size, proof.path.map(unhex));
      if (!same(root, head.root)) throw new Error(`it leads to ${hex(root)}, the head says ${hex(head.root)}`);
      return `${proof.path.length} hashes, root ${hex(root)}`;
    });
    checks.push(await checkSignature(head, verifierKey));
  }
  const outcome = checks.some((c) => c.outcome === 'failed')
    ? 'failed'
    : checks.some((c) => c.outcome === 'unavailable')
      ? 'unavailable'
      : 'passed';
  return { checks, outcome };
}

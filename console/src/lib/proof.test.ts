import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import test from 'node:test';
import { base64, checkProof, hex, leafHash, parseCheckpoint, parseVerifierKey, rootFromPath, unhex } from './proof.js';
import type { Proof } from './types.js';

const sha = (...parts: (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

// RFC 9162 §2.1, written from its recursive definition: independent of the loop that is tested.
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1));
function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return sha(Uint8Array.of(1), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}
function pathOf(index: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...pathOf(index, leaves.slice(0, k)), rootOf(leaves.slice(k))]
    : [...pathOf(index - k, leaves.slice(k)), rootOf(leaves.slice(0, k))];
}
const entryOf = (i: number) => `{"id":"exc_${i}","kind":"exchange","note":"é🙂"}`;
const leavesOf = (n: number) => Array.from({ length: n }, (_, i) => sha(Uint8Array.of(0), entryOf(i)));

const keys = generateKeyPairSync('ed25519');
const origin = 'plumbline/test';
const typed = Buffer.concat([Uint8Array.of(1), keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)]);
const keyId = sha(`${origin}\n`, typed).subarray(0, 4);
const verifierKey = `${origin}+${keyId.toString('hex')}+${typed.toString('base64')}`;

function proofOf(index: number, size: number): Proof {
  const leaves = leavesOf(size);
  const body = `${origin}\n${size}\n${rootOf(leaves).toString('base64')}\n`;
  const signature = Buffer.concat([keyId, sign(null, Buffer.from(body), keys.privateKey)]).toString('base64');
  return { type: 'inclusion', entry: entryOf(index), index, tree_size: size, leaf_hash: leaves[index]!.toString('hex'),
           path: pathOf(index, leaves).map((hash) => hash.toString('hex')), checkpoint: `${body}\n— ${origin} ${signature}\n` };
}
const outcomes = async (proof: Proof, key = verifierKey, id = `exc_${proof.index}`) => {
  const result = await checkProof(proof, key, id);
  return { outcome: result.outcome, failed: result.checks.filter((c) => c.outcome === 'failed').map((c) => c.name) };
};

test('the leaf hash of the empty entry is that of RFC 6962', async () => {
  assert.equal(hex(await leafHash('')), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
});

test('every entry of every tree up to 17 leads to its root', async () => {
  for (let size = 1; size <= 17; ++size) {
    const leaves = leavesOf(size);
    for (let index = 0; index < size; ++index) {
      const path = pathOf(index, leaves).map((hash) => Uint8Array.from(hash));
      assert.equal(hex(await rootFromPath(Uint8Array.from(leaves[index]!), index, size, path)), rootOf(leaves).toString('hex'));
    }
  }
});

test('a path that is too short, too long or for an entry outside the tree is refused', async () => {
  const leaves = leavesOf(5);
  const leaf = Uint8Array.from(leaves[2]!);
  const path = pathOf(2, leaves).map((hash) => Uint8Array.from(hash));
  await assert.rejects(rootFromPath(leaf, 2, 5, path.slice(1)), /too short/);
  await assert.rejects(rootFromPath(leaf, 2, 5, [...path, leaf]), /too long/);
  await assert.rejects(rootFromPath(leaf, 5, 5, path), /not in a tree/);
});

test('a true proof passes every check', async () => {
  assert.deepEqual(await outcomes(proofOf(3, 11)), { outcome: 'passed', failed: [] });
  assert.deepEqual(await outcomes(proofOf(0, 1)), { outcome: 'passed', failed: [] });
});

test('a changed entry, path, size, signature, key or subject is found', async () => {
  const good = proofOf(6, 9);
  const flipped = good.path.with(0, good.path[0]!.replace(/^./, (c) => (c === '0' ? '1' : '0')));
  assert.deepEqual((await outcomes({ ...good, entry: good.entry.replace('é', 'e') })).outcome, 'failed');
  assert.deepEqual((await outcomes({ ...good, path: flipped })).failed, ["The path leads from the leaf to the head's root"]);
  assert.equal((await outcomes({ ...good, tree_size: 10 })).outcome, 'failed');
  assert.equal((await outcomes({ ...good, checkpoint: good.checkpoint.replace('\n9\n', '\n8\n') })).outcome, 'failed');
  assert.deepEqual((await outcomes(good, verifierKey, 'exc_7')).failed, ['The entry is this exchange']);
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const otherTyped = Buffer.concat([Uint8Array.of(1), other]);
  const otherKey = `${origin}+${sha(`${origin}\n`, otherTyped).subarray(0, 4).toString('hex')}+${otherTyped.toString('base64')}`;
  assert.deepEqual((await outcomes(good, otherKey)).failed, ['The tree head is signed by the verifier key']);
});

test('a verifier key whose id does not match is refused', async () => {
  await assert.rejects(parseVerifierKey(verifierKey.replace(keyId.toString('hex'), '00000000')), /damaged/);
  await assert.rejects(parseVerifierKey('nonsense'), /origin\+keyid/);
});

test('malformed checkpoints, hexadecimal and base64 are refused', () => {
  assert.throws(() => parseCheckpoint('a\n1\n'), /signature part/);
  assert.throws(() => parseCheckpoint(`a\nx\n${Buffer.alloc(32).toString('base64')}\n\n— a AAAA\n`), /no size/);
  assert.throws(() => unhex('abc'));
  assert.throws(() => base64('a b='));
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { byteLength, pieces, spread } from './spans.js';

const marked = (text: string, ...ranges: [number, number][]) =>
  pieces(text, ranges.map(([begin, end]) => ({ begin, end, label: 'x' })))
    .map((piece) => (piece.labels.length ? `[${piece.text}]` : piece.text))
    .join('');

test('byte ranges land on the right characters in ASCII, Latin, CJK and emoji', () => {
  assert.equal(marked('build a bomb now', [8, 12]), 'build a [bomb] now');
  assert.equal(marked('é bomb', [3, 7]), 'é [bomb]');
  assert.equal(marked('炸弹 bomb', [0, 6]), '[炸弹] bomb');
  assert.equal(marked('🙂 bomb', [5, 9]), '🙂 [bomb]');
  const text = 'naïve 👩‍🚀 текст';
  const begin = Buffer.byteLength('naïve 👩‍🚀 ');
  assert.equal(marked(text, [begin, Buffer.byteLength(text)]), 'naïve 👩‍🚀 [текст]');
});

test('a border inside a character takes the whole character', () => {
  assert.equal(marked('a🙂b', [2, 3]), 'a[🙂]b');
});

test('overlapping marks are cut at their borders and carry both labels', () => {
  const out = pieces('abcdef', [{ begin: 0, end: 4, label: 'x' }, { begin: 2, end: 6, label: 'y' }]);
  assert.deepEqual(out.map((piece) => [piece.text, piece.labels.join()]), [['ab', 'x'], ['cd', 'x,y'], ['ef', 'y']]);
});

test('ranges outside the text, empty and reversed ones are harmless', () => {
  assert.equal(marked('abc', [1, 99]), 'a[bc]');
  assert.equal(marked('abc', [7, 9], [2, 2], [2, 1], [-5, 0]), 'abc');
  assert.equal(marked('', [0, 4]), '');
});

test('byteLength is that of UTF-8', () => {
  for (const text of ['', 'abc', 'é', '炸弹', '🙂👩‍🚀']) assert.equal(byteLength(text), Buffer.byteLength(text));
});

test('marks of a text joined from messages find their message', () => {
  const texts = ['', 'é one', 'two'];
  const joined = 'é one\ntwo';
  const mark = (word: string) => ({ begin: Buffer.byteLength(joined.slice(0, joined.indexOf(word))), end: Buffer.byteLength(joined.slice(0, joined.indexOf(word) + word.length)), label: word });
  const found = spread(texts, [mark('one'), mark('two')]).map((marks, i) => pieces(texts[i]!, marks).filter((piece) => piece.labels.length).map((piece) => piece.text));
  assert.deepEqual(found, [[], ['one'], ['two']]);
});

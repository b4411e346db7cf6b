import assert from 'node:assert/strict';
import test from 'node:test';
import { align, summarise } from './turn.js';
import type { Progress } from './types.js';

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 21, 9, 30, seconds)).toISOString();
const states = (events: Progress[]) => Object.fromEntries(summarise(events).phases.map((phase) => [phase.name, phase.state]));

test('nothing yet: every known phase is pending', () => {
  const turn = summarise([]);
  assert.equal(turn.state, 'waiting');
  assert.ok(turn.phases.every((phase) => phase.state === 'pending'));
});

test('the current phase has its share, its time left and the seconds spent', () => {
  const turn = summarise([{ t: at(0), phase: 'measure', message: 'asking' }, { t: at(8), phase: 'measure', step: 3, total: 12, eta_s: 24 }]);
  assert.deepEqual(turn.phases[0], { name: 'measure', state: 'running', fraction: 0.25, step: 3, total: 12, seconds: 8 });
  assert.equal(turn.eta_s, 24);
  assert.deepEqual(turn.log.map((line) => line.message), ['asking']);
});

test('a phase that never came is skipped once a later one runs', () => {
  const found = states([{ t: at(0), phase: 'measure' }, { t: at(1), phase: 'calibrate' }]);
  assert.equal(found.measure, 'done');
  assert.equal(found.sft, 'skipped');
  assert.equal(found.calibrate, 'running');
  assert.equal(found.report, 'pending');
});

test('an unknown phase takes its place after the one before it', () => {
  const names = summarise([{ t: at(0), phase: 'attack' }, { t: at(1), phase: 'strength' }]).phases.map((phase) => phase.name);
  assert.equal(names[names.indexOf('attack') + 1], 'strength');
});

test('a turn ends done, failed where it stood, or goes on when it is resumed', () => {
  const run: Progress[] = [{ t: at(0), phase: 'measure' }, { t: at(5), phase: 'sft' }];
  assert.equal(summarise([...run, { t: at(9), phase: 'done', message: 'gate passed' }]).state, 'done');
  const failed = [...run, { t: at(9), phase: 'failed', message: 'disk full' }];
  assert.equal(summarise(failed).message, 'disk full');
  assert.equal(states(failed).sft, 'failed');
  assert.equal(summarise([...failed, { t: at(20), phase: 'sft', step: 1, total: 2 }]).state, 'running');
});

test('losses become curves by step, rates curves by time, other numbers the latest values', () => {
  const turn = summarise([
    { t: at(0), phase: 'measure', metrics: { unsafe_refused: 0.04 } },
    { t: at(30), phase: 'sft', step: 1, total: 2, metrics: { loss: 2, learning_rate: 0.0002, name: 'x', broken: NaN } },
    { t: at(60), phase: 'sft', step: 2, total: 2, metrics: { loss: 1, learning_rate: 0.0001 } },
    { t: at(90), phase: 'remeasure', metrics: { unsafe_refused: 0.8 } },
  ]);
  assert.deepEqual(turn.loss, [{ name: 'sft', points: [[1, 2], [2, 1]] }]);
  assert.deepEqual(turn.rates, [{ name: 'unsafe refused', points: [[0, 0.04], [1.5, 0.8]] }]);
  assert.deepEqual(turn.latest, []); // another phase began
});

test('series with their own x values share one axis', () => {
  assert.deepEqual(align([{ name: 'a', points: [[1, 10], [3, 30]] }, { name: 'b', points: [[2, 5], [3, 6]] }]),
                   [[1, 2, 3], [10, null, 30], [null, 5, 6]]);
});

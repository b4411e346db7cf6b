// What a turn's events add up to: phases with their state, the log, and curves to plot. A pure function of the events,
// run again as they arrive.

import { words } from './format.js';
import type { Progress } from './types.js';

export type PhaseState = 'pending' | 'running' | 'done' | 'skipped' | 'failed';

export interface Phase {
  name: string;
  state: PhaseState;
  fraction: number | null; // of the phase's own steps
  step: number | null;
  total: number | null;
  seconds: number | null; // spent
}

// One metric over the whole turn: measured before and after, it is one curve.
export interface Series {
  name: string;
  points: [number, number][];
}

export interface Turn {
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  phase: string;
  message: string;
  eta_s: number | null;
  started: string;
  updated: string;
  phases: Phase[];
  log: { t: string; phase: string; message: string }[];
  loss: Series[]; // by step
  rates: Series[]; // by minutes since the start
  latest: { name: string; value: number }[]; // other numbers of the current phase
}

// What a person reads; also the order expected before a phase has been seen.
export const PHASES: Record<string, { title: string; about: string }> = {
  measure: { title: 'Measure', about: 'The model as it is answers the suites; its refusals, over-refusals and mistakes are counted.' },
  attack: { title: 'Attack', about: "The policy's own examples, wrapped and reworded as attackers do, find what gets through." },
  pairs: { title: 'Write pairs', about: 'Shown the policy, the model writes the answers it should have given; its bare answers are the rejected side.' },
  sft: { title: 'Fine-tune', about: 'A small adapter learns the wanted answers; the base model stays as it is.' },
  dpo: { title: 'Prefer', about: 'The adapter learns to prefer the wanted answer to the one the model would have given.' },
  guard: { title: 'Train guard', about: "The guard's classifiers learn the policy's examples, and their thresholds are calibrated on others." },
  calibrate: { title: 'Calibrate', about: "Strengths and thresholds are set to the policy's targets, on examples nothing was trained on." },
  remeasure: { title: 'Measure again', about: 'The same questions once more: the tuned model alone, and behind the guard.' },
  report: { title: 'Report', about: 'The gate decides by the targets of the policy; the report and its proofs are written.' },
};

const ENDS = new Set(['done', 'failed', 'cancelled']);
const RATE = /refus|accurac|catch|caught|false_alarm|unsafe|helpful|capab|pass|win/;

// Known phases in their order, and those only this turn has, each after the one it followed.
function order(seen: string[]): string[] {
  const out = Object.keys(PHASES);
  let last = -1;
  for (const name of seen) {
    const at = out.indexOf(name);
    if (at >= 0) last = at;
    else out.splice(++last, 0, name);
  }
  return out;
}

export function summarise(events: Progress[]): Turn {
  const turn: Turn = {
    state: events.length ? 'running' : 'waiting',
    phase: '', message: '', eta_s: null, started: events[0]?.t ?? '', updated: events.at(-1)?.t ?? '',
    phases: [], log: [], loss: [], rates: [], latest: [],
  };
  const seen = new Map<string, { first: number; last: number; step: number | null; total: number | null }>();
  const curves = { loss: new Map<string, Series>(), rates: new Map<string, Series>() };
  const latest = new Map<string, number>();
  const begin = Date.parse(turn.started);
  const add = (kind: 'loss' | 'rates', name: string, x: number, y: number) => {
    const series = curves[kind].get(name) ?? { name, points: [] };
    series.points.push([x, y]);
    curves[kind].set(name, series);
  };
  for (const event of events) {
    const name = event.phase ?? turn.phase;
    const at = Date.parse(event.t ?? '');
    if (event.message) {
      turn.log.push({ t: event.t ?? '', phase: name, message: event.message });
      turn.message = event.message;
    }
    if (ENDS.has(name)) {
      turn.state = name as Turn['state'];
      turn.eta_s = null;
      continue;
    }
    if (!name) continue;
    if (turn.state !== 'running') turn.state = 'running'; // resumed after it had ended
    if (name !== turn.phase) latest.clear();
    turn.phase = name;
    turn.eta_s = event.eta_s ?? null;
    const phase = seen.get(name) ?? { first: at, last: at, step: null, total: null };
    if (Number.isFinite(at)) phase.last = at;
    phase.step = event.step ?? phase.step;
    phase.total = event.total ?? phase.total;
    seen.set(name, phase);
    for (const [key, value] of Object.entries(event.metrics ?? {})) {
      if (typeof value !== 'number' || !Number.isFinite(value)) continue;
      if (key.endsWith('loss')) add('loss', key === 'loss' ? name : `${name} ${key}`, event.step ?? phase.step ?? 0, value);
      else if (RATE.test(key) && value >= 0 && value <= 1) add('rates', words(key), (at - begin) / 60000, value);
      else latest.set(key, value);
    }
  }
  const names = order([...seen.keys()]);
  const current = names.indexOf(turn.phase);
  const now = Date.parse(turn.updated);
  turn.phases = names.map((name, i): Phase => {
    const phase = seen.get(name);
    const fraction = phase?.total ? Math.min(1, (phase.step ?? 0) / phase.total) : null;
    if (!phase) {
      const over = i < current || turn.state === 'done';
      return { name, state: over ? 'skipped' : 'pending', fraction: null, step: null, total: null, seconds: null };
    }
    const following = [...seen.values()].map((other) => other.first).filter((first) => first > phase.first);
    const end = following.length ? Math.min(...following) : now;
    let state: PhaseState = name === turn.phase ? 'running' : 'done';
    if (name === turn.phase && turn.state === 'done') state = 'done';
    if (name === turn.phase && (turn.state === 'failed' || turn.state === 'cancelled')) state = 'failed';
    return { name, state, fraction: state === 'done' ? 1 : fraction, step: phase.step, total: phase.total,
             seconds: Number.isFinite(end - phase.first) ? (end - phase.first) / 1000 : null };
  });
  turn.loss = [...curves.loss.values()];
  turn.rates = [...curves.rates.values()].filter((series) => series.points.length > 0);
  turn.latest = [...latest].map(([name, value]) => ({ name, value }));
  return turn;
}

// Series with x values of their own on one shared axis, as uPlot wants them.
export function align(series: Series[]): (number | null)[][] {
  const xs = [...new Set(series.flatMap((one) => one.points.map(([x]) => x)))].sort((a, b) => a - b);
  const place = new Map(xs.map((x, i) => [x, i]));
  const out: (number | null)[][] = [xs];
  for (const one of series) {
    const ys: (number | null)[] = Array(xs.length).fill(null);
    for (const [x, y] of one.points) ys[place.get(x)!] = y;
    out.push(ys);
  }
  return out;
}

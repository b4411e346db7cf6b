// What the gateway answers; docs/console-api.md is the contract.

export type Action = 'allow' | 'flag' | 'redact' | 'rewrite' | 'redirect' | 'refuse' | 'block' | 'quarantine' | 'hold';
export const ACTIONS: Action[] = ['allow', 'flag', 'redact', 'rewrite', 'redirect', 'refuse', 'block', 'quarantine', 'hold'];

export type Direction = 'input' | 'output' | 'tool_call' | 'tool_result' | 'document';
export const DIRECTIONS: Direction[] = ['input', 'output', 'tool_call', 'tool_result', 'document'];

export type Health = 'ready' | 'starting' | 'down' | 'off';

export interface Status {
  version: string;
  started: string;
  uptime_s: number;
  url: string;
  project: string;
  policy: { id: string; version: string; hash: string };
  guard: { status: Health; detail: string; id: string; tiers: { name: string; status: Health; detail: string }[] };
  lm: Record<string, { status: Health; model: string; detail: string }>;
  models: { id: string; target: string; provider: string; default: boolean; policy_prompt: boolean }[];
  routes: { match: Record<string, string>; mode: string; stakes: string; log: string; on_error: string }[];
  totals: Record<string, number>;
  ledger: { path: string; size: number };
  auth: { required: boolean; keys: number };
  align: { running: string | null };
}

export interface Clause {
  id: string;
  about: string;
  severity: string;
  risk: string[];
  owner: string;
  target: { catch: number; confidence: number } | null;
  on: Partial<Record<Direction, Action>>;
  detect: string[];
  say: string[];
  maps: Record<string, string | null>;
  examples: { violates: number; allows: number };
}

export interface Policy {
  id: string;
  version: string;
  hash: string;
  owner: string;
  purpose: string;
  principles: { id: string; text: string }[];
  scope: { in: string[]; out: string[]; action: Action; say: string[] } | null;
  tone: { be: string; avoid: string } | null;
  clauses: Clause[];
  model: { refuse: number; over_refusal: number; capability_drop: number } | null;
  false_alarm: number | null;
  languages: string[];
  system_prompt: string;
  public: string;
}

export interface Score {
  score: number;
  threshold: number;
  spans?: [number, number][];
}

export interface Verdict {
  action: Action;
  unsafe: number;
  refusal?: number; // of an output
  clause?: string; // whose action it is
  failed?: boolean; // a detector that had to run did not
  categories: Record<string, Score>;
  detectors: Record<string, { status: string; ms: number; skipped?: boolean; note?: string }>;
}

export interface ExchangeRow {
  id: string;
  index: number;
  time: string;
  model: string;
  target: string;
  provider: string;
  key: string;
  stream: boolean;
  mode: string;
  status: string;
  error?: string;
  action: Action;
  clause: string;
  input: { action: Action; clauses: string[]; unsafe: number } | null;
  output: { action: Action; clauses: string[]; unsafe: number } | null;
  finish_reason: string;
  preview: string | null;
  usage: { input_tokens: number; output_tokens: number } | null;
  ms: Record<string, number> | null;
}

export interface Proof {
  type: string;
  entry: string;
  index: number;
  tree_size: number;
  leaf_hash: string;
  path: string[];
  checkpoint: string;
  witness?: string;
}

export interface Message {
  role: string;
  content: unknown;
}

export interface Exchange extends ExchangeRow {
  messages: Message[] | null;
  response: string | null;
  withheld?: string; // what the model said and the application was not given
  verdicts: { input: Verdict | null; output: Verdict | null };
  bound: { policy: string; guard: string };
  sha256?: { request: string; response: string }; // where the route logs only hashes
  receipt: { id: string; index: number; leaf_hash: string; tree_size: number } | null;
  proof: Proof | null;
  verifier_key: string;
}

export type HeldDecision = 'release' | 'edit' | 'refuse';

export interface Held {
  exchange: string;
  state: 'waiting' | 'released' | 'edited' | 'refused' | 'expired';
  time: string;
  expires: string;
  decided?: string;
  by?: string;
  model: string;
  api: string;
  key: string;
  clause: string;
  policy: string;
  messages: Message[];
  answer: { choices: { text: string; tool_calls: unknown[]; finish_reason: string }[] };
  edited?: string;
  say?: string;
}

export interface TryAnswer {
  direction: Direction;
  verdict: Verdict;
  say: string;
  tiers: { name: string; status: string; ms: number; detail: string; scores: Record<string, number> }[];
  ms: number;
}

export interface Progress {
  t?: string;
  phase?: string;
  step?: number;
  total?: number;
  eta_s?: number;
  message?: string;
  metrics?: Record<string, unknown>;
}

export interface RunRow {
  run: string;
  started: string;
  updated: string;
  state: 'running' | 'done' | 'failed' | 'cancelled' | 'stopped';
  phase: string;
  message: string;
  target: string;
  has_report: boolean;
  passed: boolean | null;
}

export interface Share {
  rate: number;
  hits: number;
  n: number;
  low: number;
  high: number;
}

export interface Measure {
  id: string;
  label: string;
  suite: string;
  higher_is_better: boolean;
  before: Share | null;
  after: Share | null;
  guarded: Share | null;
  target: number | null;
  guarded_target: number | null;
  difference: { value: number; low: number; high: number };
  detectable: number;
  note: string;
}

export interface Report {
  run: string;
  title: string;
  target: string;
  policy: { id: string; version: string; hash: string };
  started: string;
  finished: string;
  minutes: number;
  verdict: 'passed' | 'failed' | 'could_not_tell';
  sentence: string;
  measures: Measure[];
  failures: { prompt: string; output: string; wanted: string; clause: string }[];
  not_ready_for: string[];
  next: string[];
  conditions: string[];
  loss: [number, number][];
  training: Record<string, unknown>;
  guard: Record<string, unknown>;
  identities: Record<string, unknown>;
  ledger: { head: string; verifier_key: string; proofs: unknown[] };
}

export interface Run extends RunRow {
  events: Progress[];
  report: Report | null;
}

export interface Head {
  size: number;
  root: string;
  note: string;
  verifier_key: string;
}

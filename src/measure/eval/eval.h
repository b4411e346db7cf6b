// measure/eval: how far a target is from what a suite expects of it. (docs/evaluation.md has the formats.)
//
//   target.h        what is asked: provider, replay, either behind the guard
//   runner.h        RunSuite: ask, score, write; goes on after an interruption
//   scorer.h        exact, includes, regex, number, choice, json, instructions, refusal, harm, length, judge, decision, code, secrets
//   sandbox.h       runs what a model wrote where it can do nothing but compute
//   run.h           Run, Sample: run.json with its digest
//   summary.h       rates with intervals
//   tries.h         several tries at each case: pass@k
//   fairness.h      groups and languages beside one another, names swapped, selection ratios; ambiguity.h: BBQ's scores
//   confidence.h    is a target right as often as it is sure?
//   exposure.h      secrets planted in training data: which are said, how likely are they found
//   tax.h           ability lost between two sides, over all suites as one figure
//   metric.h        what is counted, and over which cases; health.h: whether answers are answers
//   compare.h       two runs, case by case
//   gate.h          may the candidate replace the baseline? gate_report.h: JUnit, SARIF, Markdown
//   declaration.h   a gate declared before the run; declared_gate.h decides it
//   judge.h         does each answer meet its criterion: by a judge or a panel, held to people's labels (judge_calibration.h)
//   outside_juror.h somebody else's scorer on a panel: a process, or an FMS detector
//   winrate.h       whose answer is better: by a judge, or by what was measured; winrate_labels.h checks the judge
//   ailuminate.h    grades by MLCommons' published rule
//   model_target.h  targets of the running system, and the guard in front of them
//   inspect_log.h   the same run as an Inspect log
//
//   PLUMB_TRY(data::Suite suite, data::LoadSuite("suites/harmful"));
//   PLUMB_TRY(auto target, OpenReplay("outputs.jsonl"));
//   PLUMB_TRY(Run run, RunSuite(suite, *target, {.out = "runs/first"}));
//   puts(SummaryTable(Summarize(run.samples)).c_str());
//
// A sample that failed or did not run is never a pass. Scorers and statistics are pure and may be used from any thread;
// RunSuite blocks and writes only below its `out` folder.
#pragma once

#include "measure/eval/ailuminate.h"
#include "measure/eval/compare.h"
#include "measure/eval/declared_gate.h"
#include "measure/eval/gate_report.h"
#include "measure/eval/inspect_log.h"
#include "measure/eval/judge_report.h"
#include "measure/eval/model_target.h"
#include "measure/eval/run.h"
#include "measure/eval/runner.h"
#include "measure/eval/sandbox.h"
#include "measure/eval/scorer.h"
#include "measure/eval/summary.h"
#include "measure/eval/target.h"
#include "measure/eval/tries.h"
#include "measure/eval/winrate.h"
#include "measure/eval/winrate_labels.h"

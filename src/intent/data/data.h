// intent/data: examples made repeatable. Suites of cases, the public sets' own file layouts, splits, near-duplicates
// and contamination. (docs/evaluation.md describes the files.)
//
//   suite.h      Case, Suite: read, validate, write
//   import.h     HarmBench, XSTest, MMLU, … → suite rows; the data stays with its owners
//   variants.h   templates → cases with names or groups swapped
//   csv.h        RFC 4180
//   duplicate.h  near-duplicates (5-word shingles, MinHash) and contamination of one set by another
//   trl.h        training rows in every shape TRL knows
//   traffic.h    past exchanges from our logs and others' (OpenAI-style, LiteLLM, Langfuse)
//   split.h      splits by hash of the group, the same on every machine
//
//   PLUMB_TRY(Suite suite, LoadSuite("suites/harmful"));
//   for (const Case& one : suite.cases) …
//
// Values only; every function may be called from any thread. Errors name file and line and what would be right.
#pragma once

#include "intent/data/csv.h"
#include "intent/data/duplicate.h"
#include "intent/data/import.h"
#include "intent/data/split.h"
#include "intent/data/suite.h"
#include "intent/data/traffic.h"
#include "intent/data/trl.h"
#include "intent/data/variants.h"

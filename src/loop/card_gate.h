// What a gate asks of an adapter's card: that it is of these files, that nothing is lost, and examples of what is.
//
//   PLUMB_TRY(Card card, ReadCard("runs/sft/card.json"));
//   std::vector<eval::Check> checks = CardChecks(card, AdapterDigest(card.adapter));
#pragma once

#include "loop/card.h"
#include "measure/eval/gate.h"

namespace plumb::loop {

// A card as ToJson writes it, or the folder that holds card.json. Errors: kNotFound, kCorrupt (not a card, or a verdict that
// its rows contradict).
Result<Card> ReadCard(const fs::path& path);

// SHA-256 of the weights that a card is about: of an adapter's folder, or of a whole model's. Error: kNotFound.
Result<std::string> AdapterDigest(const fs::path& folder);

// "card.adapter" first: failed where `digest` is of other weights than were measured, could not tell where there is none. Then one
// check for each rate: failed where it is worse beyond doubt, with up to `examples` of the cases that were right before.
std::vector<eval::Check> CardChecks(const Card& card, const Result<std::string>& digest, size_t examples = 3);

}  // namespace plumb::loop

#include "mapping/checker/stream_exchange.h"

#include "mapping/received_regions.h"

#include <algorithm>

namespace tessera::mapping::checker {

using workloads::Region;

StreamExchange::StreamExchange(const Program& program, const ProgramIndex& index)
    : program_(program), index_(index) {
  for (int p = 0; p < static_cast<int>(program.parts.size()); ++p)
    tracked_.push_back(index.is_streamed(p));
}

StreamExchange::StreamExchange(const Program& program, const ProgramIndex& index, int first,
                               int last)
    : program_(program), index_(index) {
  for (const auto& part : program.parts)
    tracked_.push_back(part.producer_stage >= first && part.producer_stage <= last &&
                       part.home != Home::kWindow);
}

bool StreamExchange::is_streamed(workloads::TensorId tensor) const {
  return comes_once(index_, tensor);
}

std::int64_t StreamExchange::tracked_elements(workloads::TensorId tensor,
                                              const std::vector<Region>& boxes) const {
  std::int64_t elements = 0;
  for (const int part : index_.parts_of(tensor))
    for (const auto& box : boxes)
      if (tracked_[part]) elements += intersect(box, program_.parts[part].region).elements();
  return elements;
}

std::int64_t StreamExchange::ask(int stage, int operand, TileId tile,
                                 const std::vector<Region>& boxes) {
  const auto& layer = program_.network.layers[program_.stages[stage].layer];
  const std::int64_t elements = tracked_elements(layer.inputs[operand].tensor, boxes);
  if (elements == 0) return -1;
  const GroupId group = index_.share_of(stage, tile).input_groups[operand];
  auto& rounds = rounds_[{stage, operand, group}];
  const std::size_t round = asked_[{stage, operand, tile}]++;
  if (round == rounds.size()) {
    rounds.push_back(static_cast<std::int64_t>(tickets_.size()));
    tickets_.push_back({stage, operand, group, 0, boxes, -1});
  }
  const std::int64_t number = rounds[round];
  Ticket& ticket = tickets_[static_cast<std::size_t>(number)];
  if (++ticket.asked < program_.stages[stage].groups[group].members.size()) return number;
  ticket.left = elements;
  for (auto& [producer, offers] : offers_) {
    for (auto& offer : offers) match(ticket, offer);
    let_go(offers);
  }
  if (ticket.left > 0) open_.push_back(static_cast<std::size_t>(number));
  return number;
}

void StreamExchange::offer(int stage, TileId tile, const Region& region) {
  const int part = index_.part_of_stage(stage);
  if (!tracked_[part]) return;
  auto& offers = offers_[{stage, tile}];
  const bool streamed = index_.is_streamed(part);
  offers.push_back({part, region, streamed ? index_.readings(part, region) : 0, streamed});
  for (const auto number : open_) match(tickets_[number], offers.back());
  std::erase_if(open_, [&](std::size_t number) { return tickets_[number].left == 0; });
  let_go(offers);
}

int StreamExchange::held(int stage, TileId tile) const {
  const auto found = offers_.find({stage, tile});
  return found == offers_.end() ? 0 : static_cast<int>(found->second.size());
}

bool StreamExchange::closed(int stage) const {
  const auto tensor = program_.parts[index_.part_of_stage(stage)].tensor;
  for (std::size_t s = static_cast<std::size_t>(stage) + 1; s < program_.stages.size(); ++s) {
    const Stage& reader = program_.stages[s];
    const auto& inputs = program_.network.layers[reader.layer].inputs;
    if (std::ranges::none_of(inputs, [&](const auto& input) { return input.tensor == tensor; }))
      continue;
    for (const auto& share : reader.shares)
      if (!finished_.contains({static_cast<int>(s), share.tile})) return false;
  }
  return true;
}

void StreamExchange::match(Ticket& ticket, Offer& offer) const {
  const auto& layer = program_.network.layers[program_.stages[ticket.stage].layer];
  if (layer.inputs[ticket.operand].tensor != program_.parts[offer.part].tensor) return;
  for (const auto& box : ticket.boxes) {
    const std::int64_t common = intersect(box, offer.region).elements();
    ticket.left -= common;
    if (offer.streamed) offer.owed -= common;
  }
  if (offer.owed < 0)
    throw UserError(
        "program: stage ", program_.stages[ticket.stage].name, ": tensor ",
        program_.network.tensors[program_.parts[offer.part].tensor].name,
        " is streamed, but a group receives elements of it more often than it reads them");
}

/// In order: a granule behind one that is still owed waits.
void StreamExchange::let_go(std::deque<Offer>& offers) const {
  while (!offers.empty() && offers.front().streamed && offers.front().owed == 0) offers.pop_front();
}

std::string StreamExchange::waiting() const {
  if (open_.empty()) return "";
  const Ticket& ticket = tickets_[open_.front()];
  return detail::concatenate("; stage ", program_.stages[ticket.stage].name, " waits for ",
                             ticket.left, " elements of operand ", ticket.operand,
                             " that are not handed on");
}

}  // namespace tessera::mapping::checker

#include "mapping/refine/arrangement.h"

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/stage_plan.h"
#include "mapping/stage_reader.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::LayerId;
using workloads::LayerSpan;
using workloads::Network;

namespace {

bool is_on_chip(const StoreNode& store) {
  return store.level == "tiles" || store.level == "shared";
}

bool holds_on_chip(const Node& node) {
  return (node.kind == NodeKind::kStore && is_on_chip(node.store)) ||
         std::ranges::any_of(node.children, holds_on_chip);
}

void leave_chip(Node& node) {
  if (node.kind == NodeKind::kStore && is_on_chip(node.store)) node.store.level = "dram";
  for (auto& child : node.children) leave_chip(child);
}

/// What says where the result of a top node lives: of a segment of whole stages the last one.
template <typename NodeType>
NodeType& result_of(NodeType& top) {
  return has_whole_stages(top) ? top.children.back() : top;
}

void collect_layers(const Node& node, const Network& network, std::vector<LayerId>& layers) {
  if (node.kind == NodeKind::kLayer) {
    const auto found = std::ranges::find(network.layers, node.layer.layer, &workloads::Layer::name);
    if (found != network.layers.end())
      layers.push_back(static_cast<LayerId>(found - network.layers.begin()));
  }
  for (const auto& child : node.children) collect_layers(child, network, layers);
}

LayerId last_reader(const Piece& piece, const Network& network) {
  const auto readers = network.consumers(network.layers[piece.span.last].output.tensor);
  return readers.empty() ? piece.span.last : std::ranges::max(readers);
}

bool lowers(const Arrangement& pieces, const Network& network, const hw::Accelerator& accelerator) {
  try {
    lower(schedule_of(pieces, ""), network, accelerator);
    return true;
  } catch (const UserError&) {
    return false;  // no room for what stays
  }
}

}  // namespace

Arrangement arrangement_of(const Schedule& schedule, const Network& network) {
  Arrangement pieces;
  LayerId next = 0;
  for (const auto& top : schedule.root.children) {
    std::vector<LayerId> layers;
    collect_layers(top, network, layers);
    std::ranges::sort(layers);
    if (layers.empty() || layers.front() != next ||
        layers.back() - layers.front() + 1 != static_cast<LayerId>(layers.size()))
      throw UserError(schedule.origin, ": layers are not in the network's order; only such ",
                      "schedules can be refined");
    pieces.push_back({{layers.front(), layers.back()}, top});
    next = layers.back() + 1;
  }
  if (next != static_cast<LayerId>(network.layers.size()))
    throw UserError(schedule.origin, ": ", next, " of ", network.layers.size(),
                    " layers are scheduled");
  return pieces;
}

Schedule schedule_of(const Arrangement& pieces, const std::string& name) {
  Schedule schedule{name, "schedule " + name, {}};
  for (const auto& piece : pieces) schedule.root.children.push_back(piece.top);
  return schedule;
}

std::optional<Arrangement> exchanged(const Arrangement& pieces, Piece piece) {
  Arrangement result;
  const LayerSpan span = piece.span;
  bool placed = false;
  for (const auto& old : pieces) {
    const bool covered = span.holds(old.span.first);
    if (covered != span.holds(old.span.last)) return std::nullopt;
    if (!covered) {
      if (old.span.first < span.first && old.span.last > span.last) return std::nullopt;
      result.push_back(old);
    } else if (!placed) {
      result.push_back(std::move(piece));
      placed = true;
    }
  }
  return placed ? std::optional(std::move(result)) : std::nullopt;
}

bool stays_on_chip(const Piece& piece) { return holds_on_chip(result_of(piece.top)); }

void send_to_dram(Piece& piece) { leave_chip(result_of(piece.top)); }

std::optional<Arrangement> with_room(Arrangement pieces, LayerSpan span, const Network& network,
                                     const hw::Accelerator& accelerator, LayerSpan& touched) {
  if (lowers(pieces, network, accelerator)) return pieces;
  bool changed = false;
  for (auto& piece : pieces) {
    const LayerId reader = last_reader(piece, network);
    if (piece.span.last >= span.first || reader < span.first || !stays_on_chip(piece)) continue;
    send_to_dram(piece);
    touched.first = std::min(touched.first, piece.span.first);
    touched.last = std::max(touched.last, reader);
    changed = true;
  }
  if (!changed || !lowers(pieces, network, accelerator)) return std::nullopt;
  return pieces;
}

}  // namespace tessera::mapping

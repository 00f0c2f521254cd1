#include "mapping/cost/looptree/tile_inference.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "sim/base/error.h"

namespace tessera::mapping::looptree {

namespace {

using workloads::Layer;
using workloads::Operand;

Region whole_of(const Layer& layer) {
  Region whole;
  for (const auto& rank : layer.ranks) whole.sets.emplace_back(0, rank.extent);
  return whole;
}

/// Operations, out of all, whose index into `operand` lies in `data`; its sums are single ranks.
Region operations_on(const Operand& operand, const Region& data, const Layer& layer) {
  Region operations = whole_of(layer);
  for (std::size_t i = 0; i < operand.dimensions.size(); ++i) {
    const auto& access = operand.dimensions[i];
    const auto& term = access.terms.front();
    IndexSet& set = operations.sets[term.rank];
    set = set.intersect(data.sets[i].unscale(term.coefficient, access.offset));
  }
  return operations;
}

/// What earlier iterations needed, kept while walking the iterations in order. Level j of an index
/// is its j-th dimension.
class EarlierData {
 public:
  EarlierData(std::size_t dimensions, std::optional<std::size_t> reuse)
      : reuse_(reuse), last_(dimensions + 1), before_(dimensions) {}

  /// Parts of `needed` that nothing before left behind, then remembers `needed`.
  Region missing(const std::vector<std::int64_t>& index, Region needed, const std::string& tensor) {
    advance_to(index);
    Region missing = needed;
    if (reuse_) {
      const std::size_t top = *reuse_;
      if (top > 0 && last_[top - 1]) remove(*last_[top - 1], missing, tensor);
      for (std::size_t level = top; level < index.size(); ++level)
        if (before_[level]) remove(*before_[level], missing, tensor);
    }
    current_ = std::move(needed);
    return missing;
  }

 private:
  /// Closes the iterations that ended between the index before and this one.
  void advance_to(const std::vector<std::int64_t>& index) {
    if (index_) {
      std::size_t changed = 0;
      while ((*index_)[changed] == index[changed]) ++changed;
      std::optional<Region> done = std::move(current_);
      for (std::size_t level = index.size(); level-- > changed;) {
        merge(before_[level], done);
        if (level == changed) break;
        done = std::move(before_[level]);
        before_[level].reset();
        last_[level].reset();
      }
      last_[changed] = std::move(done);
      if (index[changed] != (*index_)[changed] + 1) last_[changed].reset();
    }
    index_ = index;
  }

  static void merge(std::optional<Region>& into, const std::optional<Region>& region) {
    if (!region || region->empty()) return;
    into = into ? unite_dimensions(*into, *region) : *region;
  }

  /// Exact where the data lie apart or the hole covers all dimensions but one.
  static void remove(const Region& hole, Region& from, const std::string& tensor) {
    const auto pieces = subtract(from, hole);
    if (pieces.size() > 1)
      throw UserError("the part of '", tensor,
                      "' to be computed in a tile is no box; the model takes boxes only");
    if (pieces.empty()) {
      for (auto& set : from.sets) set = IndexSet();
      return;
    }
    from = pieces.front();
  }

  std::optional<std::size_t> reuse_;
  std::optional<std::vector<std::int64_t>> index_;
  std::optional<Region> current_;
  std::vector<std::optional<Region>> last_;    ///< iteration before of this level, same outside
  std::vector<std::optional<Region>> before_;  ///< all iterations before of this level
};

/// Iterations of the loops so far, and the operations of every layer of a group in each.
struct GroupTiles {
  std::vector<std::vector<std::int64_t>> index;
  std::map<int, std::vector<Region>> operations;  ///< per layer, aligned with `index`
};

class Inference {
 public:
  explicit Inference(const FusedTree& tree) : tree_(tree), network_(*tree.network) {}

  std::vector<LeafTiles> run() {
    GroupTiles all;
    all.index.emplace_back();
    for (const int layer : layers_below(tree_.root))
      all.operations[layer] = {whole_of(network_.layers[layer])};
    walk(tree_.root, std::move(all), {});
    return std::move(leaves_);
  }

 private:
  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw UserError(tree_.origin, ": ", parts...);
  }

  void walk(const Chain& chain, GroupTiles group, std::vector<PathStep> path) {
    if (chain.back().kind == StepKind::kCompute) return finish(chain, group, std::move(path));
    for (const auto& step : chain) {
      if (step.kind == StepKind::kStore) note_reuse(step, path);
      if (step.kind == StepKind::kTemporal || step.kind == StepKind::kSpatial)
        group = run_loop(step, group);
      if (step.branches.empty()) {
        path.push_back(path_step(step));
        continue;
      }
      infer(group);
      for (std::size_t branch = 0; branch < step.branches.size(); ++branch)
        enter(step, branch, group, path);
    }
  }

  /// Below the last branch the loops belong to one layer; they are looked at later.
  void finish(const Chain& chain, const GroupTiles& group, std::vector<PathStep> path) {
    LeafTiles leaf;
    leaf.layer = chain.back().layer;
    leaf.inner = path.size();
    for (const auto& step : chain) {
      if (step.kind == StepKind::kStore) note_reuse(step, path);
      if (step.rank >= 0 && step.layer != leaf.layer)
        fail("a loop below the last branch runs over '",
             network_.layers[step.layer].ranks[step.rank].name, "', which is no rank of '",
             network_.layers[leaf.layer].name, "'");
      path.push_back(path_step(step));
    }
    leaf.path = std::move(path);
    const auto& operations = group.operations.at(leaf.layer);
    for (std::size_t i = 0; i < group.index.size(); ++i)
      if (!operations[i].empty()) leaf.outer.push_back({group.index[i], operations[i]});
    if (leaf.outer.empty()) fail("'", network_.layers[leaf.layer].name, "' has nothing to compute");
    leaves_.push_back(std::move(leaf));
  }

  /// Outer loops may be over another layer's rank; what they do to this one is in its tiles.
  static PathStep path_step(const Step& step) {
    return {step.kind, step.level, step.tensors, step.rank, step.tile, 0};
  }

  void enter(const Step& step, std::size_t branch, const GroupTiles& group,
             std::vector<PathStep> path) {
    const Chain& chain = step.branches[branch];
    GroupTiles below;
    below.index = group.index;
    for (auto& index : below.index) index.push_back(static_cast<std::int64_t>(branch));
    for (const int layer : layers_below(chain))
      below.operations[layer] = group.operations.at(layer);
    path.push_back(path_step(step));
    path.back().branch = static_cast<std::int64_t>(branch);
    walk(chain, std::move(below), std::move(path));
  }

  /// Only the outermost store of a tensor that exploits reuse decides what is still there.
  void note_reuse(const Step& store, const std::vector<PathStep>& path) {
    if (!store.exploits_reuse) return;
    const auto above = std::ranges::count_if(path, &PathStep::is_dimension);
    for (const int tensor : store.tensors)
      reuse_.try_emplace(tensor, static_cast<std::size_t>(above));
  }

  int head_of(const GroupTiles& group) const {
    std::vector<int> heads;
    for (const auto& [layer, tiles] : group.operations) {
      const int output = network_.layers[layer].output.tensor;
      const bool read = std::ranges::any_of(group.operations, [&](const auto& entry) {
        return std::ranges::any_of(network_.layers[entry.first].inputs,
                                   [&](const Operand& input) { return input.tensor == output; });
      });
      if (!read) heads.push_back(layer);
    }
    return heads.size() == 1 ? heads.front() : -1;
  }

  GroupTiles run_loop(const Step& loop, const GroupTiles& group) const {
    const int head = head_of(group);
    if (head < 0) fail("a loop stands above layers that have no single last one");
    if (loop.layer != head)
      fail("a loop above a branch runs over '", network_.layers[loop.layer].ranks[loop.rank].name,
           "'; it has to be a rank of the last layer, '", network_.layers[head].name, "'");
    GroupTiles split;
    const auto& tiles = group.operations.at(head);
    for (std::size_t i = 0; i < group.index.size(); ++i) {
      if (tiles[i].empty()) continue;
      const IndexSet& range = tiles[i].sets[loop.rank];
      for (std::int64_t begin = range.min(), step = 0; begin <= range.max();
           begin += loop.tile, ++step) {
        const IndexSet part = range.intersect(IndexSet(begin, begin + loop.tile));
        if (part.empty()) continue;
        split.index.push_back(group.index[i]);
        split.index.back().push_back(step);
        for (const auto& [layer, regions] : group.operations)
          split.operations[layer].push_back(regions[i]);
        split.operations[head].back().sets[loop.rank] = part;
      }
    }
    return split;
  }

  void infer(GroupTiles& group) const {
    const int head = head_of(group);
    if (head < 0 || group.operations.size() == 1) return;
    const int shared = shared_input(group);
    if (shared >= 0) return infer_from_input(group, head, shared);
    std::deque<int> queue{head};
    for (; !queue.empty(); queue.pop_front())
      for (const auto& input : network_.layers[queue.front()].inputs)
        if (const int producer = producer_in(group, input.tensor); producer >= 0) {
          infer_producer(group, queue.front(), producer, input);
          queue.push_back(producer);
        }
  }

  int producer_in(const GroupTiles& group, int tensor) const {
    for (const auto& [layer, tiles] : group.operations)
      if (network_.layers[layer].output.tensor == tensor) return layer;
    return -1;
  }

  void infer_producer(GroupTiles& group, int consumer, int producer, const Operand& read) const {
    const auto reuse = reuse_.find(read.tensor);
    EarlierData earlier(group.index.front().size(),
                        reuse == reuse_.end() ? std::nullopt : std::optional(reuse->second));
    const Layer& layer = network_.layers[producer];
    for (std::size_t i = 0; i < group.index.size(); ++i) {
      const Region needed = data_of(read, group.operations.at(consumer)[i]);
      const Region missing =
          earlier.missing(group.index[i], needed, network_.tensors[read.tensor].name);
      Region& tile = group.operations.at(producer)[i];
      tile = tile.intersect(operations_on(layer.output, missing, layer));
    }
  }

  /// The one tensor that every layer of the group reads; -1 when there is none, or several.
  int shared_input(const GroupTiles& group) const {
    std::map<int, std::size_t> readers;
    for (const auto& [layer, tiles] : group.operations)
      for (const auto& input : network_.layers[layer].inputs) ++readers[input.tensor];
    int shared = -1;
    for (const auto& [tensor, count] : readers) {
      if (count != group.operations.size()) continue;
      if (shared >= 0) return -1;
      shared = tensor;
    }
    return shared;
  }

  void infer_from_input(GroupTiles& group, int head, int tensor) const {
    const Operand& read = *operand_of(network_.layers[head], tensor);
    for (auto& [layer, tiles] : group.operations) {
      if (layer == head) continue;
      const Operand& other = *operand_of(network_.layers[layer], tensor);
      for (const auto& access : other.dimensions)
        if (access.terms.size() != 1)
          fail("'", network_.layers[layer].name, "' reads the shared '",
               network_.tensors[tensor].name,
               "' through a sum of ranks; tiles cannot be inferred from it");
      for (std::size_t i = 0; i < tiles.size(); ++i)
        tiles[i] = tiles[i].intersect(operations_on(
            other, data_of(read, group.operations.at(head)[i]), network_.layers[layer]));
    }
  }

  const FusedTree& tree_;
  const workloads::Network& network_;
  std::map<int, std::size_t> reuse_;
  std::vector<LeafTiles> leaves_;
};

}  // namespace

Region data_of(const Operand& operand, const Region& operations) {
  Region data;
  for (const auto& access : operand.dimensions) {
    IndexSet sums(access.offset, access.offset + 1);
    for (const auto& term : access.terms)
      sums = sums.plus(operations.sets[term.rank].scale(term.coefficient, 0));
    data.sets.push_back(std::move(sums));
  }
  return data;
}

std::vector<LeafTiles> infer_tiles(const FusedTree& tree) { return Inference(tree).run(); }

}  // namespace tessera::mapping::looptree

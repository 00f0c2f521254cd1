#include <algorithm>
#include <limits>
#include <optional>

#include "mapping/code_cursor.h"
#include "mapping/fusion/fusion_plan.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::DimensionAccess;
using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::RankRange;
using workloads::RankTile;

namespace {

/// What readers need of one dimension of a tensor. In coordinates of the tensor; per tile where
/// tiles differ.
struct Need {
  int loop = -1;  ///< shared loop along which it moves; -1: the same in every trip
  std::int64_t step = 0;
  std::int64_t first = 0;            ///< extent in trip 0
  std::int64_t overlap = 0;          ///< of a trip with the one before
  std::vector<std::int64_t> origin;  ///< per tile, not cut off at the tensor's ends
  std::vector<RankRange> range;      ///< per tile, over all trips
};

class Inference {
 public:
  Inference(Fusion& fusion, const std::string& origin, const Network& network, TileGrid grid)
      : fusion_(fusion), origin_(origin), network_(network), grid_(grid) {}

  void run() {
    start_head();
    for (int m = static_cast<int>(fusion_.members.size()) - 1; m >= 0; --m)
      if (m != fusion_.head) infer(m);
    for (auto& member : fusion_.members) {
      if (fusion_.pipelined) deal_pipelined(member);
      add_own_loops(member);
    }
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw UserError(origin_, ": ", parts...);
  }

  const Layer& layer(const FusionMember& member) const { return network_.layers[member.layer]; }
  const std::string& tensor_name(const FusionMember& member) const {
    return network_.tensors[layer(member).output.tensor].name;
  }

  std::vector<TileShare> dealt(const FusionMember& member) const {
    StagePlan plan;
    plan.layer = member.layer;
    plan.tiles = member.tiles;
    if (plan.tiles.empty()) tiles_into(plan);
    plan.partition = member.partition;
    const auto shares = deal_shares(plan, layer(member), grid_);
    std::vector<TileShare> dealt;
    for (std::size_t t = 0; t < shares.tiles.size(); ++t) {
      TileShare share;
      share.tile = shares.tiles[t];
      share.ranks = shares.ranks[t];
      for (const auto& range : share.ranks) share.origins.push_back(range.begin);
      dealt.push_back(std::move(share));
    }
    return dealt;
  }

  void tiles_into(StagePlan& plan) const {
    for (int tile = 0; tile < grid_.rows * grid_.columns; ++tile) plan.tiles.push_back(tile);
  }

  static std::vector<std::int64_t> nominal(const FusionMember& member, const Layer& layer) {
    std::vector<std::int64_t> extents(layer.ranks.size(), 0);
    for (const auto& share : member.shares)
      for (std::size_t r = 0; r < extents.size(); ++r)
        extents[r] = std::max(extents[r], share.ranks[r].size());
    return extents;
  }

  /// Pipelined layers are inferred for one tile that has everything, and dealt afterwards.
  void start_head() {
    auto& head = fusion_.members[fusion_.head];
    const Layer& own = layer(head);
    if (fusion_.pipelined) {
      TileShare whole;
      whole.ranks = own.whole();
      whole.origins.assign(own.ranks.size(), 0);
      head.shares = {whole};
    } else {
      head.shares = dealt(head);
    }
    if (head.shares.empty()) refuse("layer ", own.name, ": no tile gets a share");
    const auto extents = nominal(head, own);
    for (const auto& shared : fusion_.loops) {
      const int rank = own.rank_index(shared.rank.rank);
      if (rank < 0 || (!shared.rank.layer.empty() && shared.rank.layer != own.name))
        refuse("loop ", shared.rank.rank,
               " above a sequence or pipeline is over no rank of its last layer, ", own.name);
      FusionLoop loop{rank, shared.tile, ceil_div(extents[rank], shared.tile), shared.tile, 0};
      head.loops.push_back(loop);
    }
    head.window_loops = head.loops;
  }

  /// Position of the shared loop that moves a rank of a member; -1: none.
  static int loop_over(const FusionMember& member, workloads::RankId rank) {
    for (std::size_t g = 0; g < member.loops.size(); ++g)
      if (member.loops[g].rank == rank) return static_cast<int>(g);
    return -1;
  }

  struct Reader {
    const FusionMember* member;
    const Operand* operand;
  };

  std::vector<Reader> readers_of(int producer) const {
    const auto tensor = layer(fusion_.members[producer]).output.tensor;
    std::vector<Reader> readers;
    for (std::size_t m = 0; m < fusion_.members.size(); ++m)
      for (const auto& input : layer(fusion_.members[m]).inputs) {
        if (input.tensor != tensor) continue;
        if (static_cast<int>(m) <= producer)
          refuse("layer ", layer(fusion_.members[m]).name, " stands before layer ",
                 layer(fusion_.members[producer]).name, ", whose output it reads");
        readers.push_back({&fusion_.members[m], &input});
      }
    return readers;
  }

  void infer(int index) {
    FusionMember& member = fusion_.members[index];
    const Layer& own = layer(member);
    const auto readers = readers_of(index);
    const auto tiles = readers.front().member->shares.size();
    std::vector<Need> needs;
    for (std::size_t d = 0; d < own.output.dimensions.size(); ++d)
      needs.push_back(need_of(readers, d, tiles, tensor_name(member)));
    member.shares.assign(tiles, TileShare{});
    for (std::size_t t = 0; t < tiles; ++t) {
      member.shares[t].tile = readers.front().member->shares[t].tile;
      member.shares[t].ranks = own.whole();
      member.shares[t].origins.assign(own.ranks.size(), 0);
    }
    member.loops.assign(fusion_.loops.size(), FusionLoop{});
    for (std::size_t g = 0; g < member.loops.size(); ++g)
      member.loops[g].count = fusion_.members[fusion_.head].loops[g].count;
    member.window_loops = member.loops;
    for (std::size_t d = 0; d < needs.size(); ++d)
      apply(member, own.output.dimensions[d], needs[d]);
    for (std::size_t g = 0; g < member.loops.size(); ++g)
      if (member.loops[g].rank < 0 && retained_over(member, static_cast<int>(g)))
        compute_once(member, g);
    check_all_read(member);
  }

  /// What an earlier trip of this loop left is still there: the store stands outside the loop or
  /// directly inside.
  bool retained_over(const FusionMember& member, int loop) const {
    if (fusion_.pipelined) return true;
    return member.output.reuse && loop + 1 >= member.output.depth;
  }

  /// Range of a sum of ranks in one trip of the loop, not cut off: trip 0 or where trip 1 begins.
  struct Span {
    std::int64_t begin = 0, end = 0, next_begin = 0;
  };

  Span span_of(const Reader& reader, const DimensionAccess& access, std::size_t tile,
               int loop) const {
    const auto& share = reader.member->shares[tile];
    Span span{access.offset, access.offset + 1, access.offset};
    for (const auto& term : access.terms) {
      const int moves = loop_over(*reader.member, term.rank);
      if (moves >= 0 && moves == loop) {
        const auto& step = reader.member->window_loops[moves];
        const std::int64_t begin = share.origins[term.rank];
        span.begin += term.coefficient * begin;
        span.end += term.coefficient * (begin + reader.member->loops[moves].first - 1);
        // What the reader computes, retained or not, decides what it reads.
        span.next_begin +=
            term.coefficient * (begin + step.first - reader.member->loops[moves].overlap);
      } else {
        span.begin += term.coefficient * share.ranks[term.rank].begin;
        span.next_begin += term.coefficient * share.ranks[term.rank].begin;
        span.end += term.coefficient * (share.ranks[term.rank].end - 1);
      }
    }
    return span;
  }

  Need need_of(const std::vector<Reader>& readers, std::size_t dimension, std::size_t tiles,
               const std::string& tensor) const {
    Need need;
    find_loop(readers, dimension, tensor, need);
    bool first_tile = true;
    for (std::size_t t = 0; t < tiles; ++t) {
      Span all{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
               std::numeric_limits<std::int64_t>::max()};
      RankRange range{all.begin, all.end};
      std::vector<Span> spans;
      for (const auto& reader : readers) {
        const auto& access = reader.operand->dimensions[dimension];
        spans.push_back(span_of(reader, access, t, need.loop));
        all = {std::min(all.begin, spans.back().begin), std::max(all.end, spans.back().end),
               std::min(all.next_begin, spans.back().next_begin)};
        const auto touched = touched_by(reader, access, t);
        range = {std::min(range.begin, touched.begin), std::max(range.end, touched.end)};
      }
      check_dense(readers, dimension, spans, all, t, tensor);
      need.origin.push_back(all.begin);
      need.range.push_back(range);
      if (need.loop < 0) continue;
      const std::int64_t first = all.end - all.begin;
      const std::int64_t overlap = all.end - all.next_begin;
      if (!first_tile && (first != need.first || overlap != need.overlap))
        refuse("tensor ", tensor, ": its tiles differ between the tiles of the machine");
      need.first = first;
      need.overlap = overlap;
      first_tile = false;
    }
    return need;
  }

  void find_loop(const std::vector<Reader>& readers, std::size_t dimension,
                 const std::string& tensor, Need& need) const {
    bool first = true;
    for (const auto& reader : readers) {
      int loop = -1;
      std::int64_t step = 0;
      for (const auto& term : reader.operand->dimensions[dimension].terms) {
        const int moves = loop_over(*reader.member, term.rank);
        if (moves < 0) continue;
        if (loop >= 0) refuse("tensor ", tensor, ": two shared loops move the same dimension");
        loop = moves;
        step = term.coefficient * reader.member->loops[moves].step;
      }
      if (!first && (loop != need.loop || step != need.step))
        refuse("tensor ", tensor, ": its readers move through it at different speeds");
      need.loop = loop;
      need.step = step;
      first = false;
    }
  }

  /// Indices a reader's share touches, without padding.
  static RankRange touched_by(const Reader& reader, const DimensionAccess& access,
                              std::size_t tile) {
    const auto& ranks = reader.member->shares[tile].ranks;
    std::int64_t begin = access.offset;
    std::int64_t end = access.offset + 1;
    for (const auto& term : access.terms) {
      begin += term.coefficient * ranks[term.rank].begin;
      end += term.coefficient * (ranks[term.rank].end - 1);
    }
    return {std::max(begin, access.valid_begin), std::min(end, access.valid_end)};
  }

  /// Some reader has to read every index of what all readers need, or more would be computed than
  /// is read.
  void check_dense(const std::vector<Reader>& readers, std::size_t dimension,
                   const std::vector<Span>& spans, const Span& all, std::size_t tile,
                   const std::string& tensor) const {
    for (std::size_t i = 0; i < readers.size(); ++i)
      if (spans[i].begin == all.begin && spans[i].end == all.end &&
          spans[i].next_begin == all.next_begin &&
          is_dense(readers[i], readers[i].operand->dimensions[dimension], tile))
        return;
    refuse("tensor ", tensor, ": a tile of it would have elements that no fused layer reads");
  }

  static bool is_dense(const Reader& reader, const DimensionAccess& access, std::size_t tile) {
    auto terms = access.terms;
    std::ranges::sort(terms, {}, &workloads::AffineTerm::coefficient);
    std::int64_t reach = 1;
    for (const auto& term : terms) {
      const int moves = loop_over(*reader.member, term.rank);
      const auto& loops = reader.member->loops;
      const std::int64_t size =
          moves < 0 ? reader.member->shares[tile].ranks[term.rank].size()
                    : std::max(loops[moves].first, loops[moves].step + loops[moves].overlap);
      if (size > 1 && term.coefficient > reach) return false;
      reach += term.coefficient * (size - 1);
    }
    return true;
  }

  /// Terms of a sum that take more than one value.
  static std::vector<workloads::AffineTerm> moving_terms(const DimensionAccess& access,
                                                         const Layer& layer) {
    auto terms = access.terms;
    std::erase_if(terms, [&](const auto& term) { return layer.ranks[term.rank].extent == 1; });
    return terms;
  }

  /// A dimension written in digits (group and filter) is computed whole or not at all.
  void require_whole(const FusionMember& member, const DimensionAccess& written,
                     const Need& need) const {
    const auto& own = layer(member);
    std::int64_t end = written.offset + 1;
    for (const auto& term : written.terms)
      end += term.coefficient * (own.ranks[term.rank].extent - 1);
    const bool whole = std::ranges::all_of(need.range, [&](const RankRange& range) {
      return range.size() == 0 || (range.begin <= written.offset && range.end >= end);
    });
    if (need.loop >= 0 || !whole)
      refuse("layer ", own.name,
             ": an output dimension that is no single rank has to be computed whole");
  }

  /// From a dimension of the output to the rank that writes it.
  void apply(FusionMember& member, const DimensionAccess& written, const Need& need) const {
    const auto& own = layer(member);
    const auto moving = moving_terms(written, own);
    if (moving.empty()) return;
    if (moving.size() > 1 || moving.front().coefficient != 1)
      return require_whole(member, written, need);
    const auto& term = moving.front();
    for (std::size_t t = 0; t < member.shares.size(); ++t) {
      auto& share = member.shares[t];
      const auto inside = [&](std::int64_t index) {
        return std::clamp<std::int64_t>(index - written.offset, 0, own.ranks[term.rank].extent);
      };
      share.origins[term.rank] = need.origin[t] - written.offset;
      share.ranks[term.rank] = {inside(need.range[t].begin), inside(need.range[t].end)};
    }
    if (need.loop < 0) return;
    const auto count = member.loops[need.loop].count;
    if (member.loops[need.loop].rank >= 0)
      refuse("layer ", own.name, ": one shared loop moves two of its ranks");
    member.window_loops[need.loop] = {term.rank, need.step, count, need.first, need.overlap};
    member.loops[need.loop] = member.window_loops[need.loop];
    if (retained_over(member, need.loop) && need.overlap > 0) member.loops[need.loop].overlap = 0;
  }

  /// A loop that leaves the tensor alone: computed in its first trip, found in the window in the
  /// others.
  void compute_once(FusionMember& member, std::size_t loop) const {
    const Layer& own = layer(member);
    for (std::size_t r = 0; r < own.ranks.size(); ++r) {
      if (own.ranks[r].reduced || loop_over(member, static_cast<int>(r)) >= 0) continue;
      std::int64_t most = 1;
      for (auto& share : member.shares) {
        most = std::max(most, share.ranks[r].size());
        share.origins[r] = share.ranks[r].begin;
      }
      member.loops[loop] = {static_cast<int>(r), 1, member.loops[loop].count, most, 0};
      return;
    }
    refuse("layer ", own.name, ": no rank is left with which loop ", fusion_.loops[loop].rank.rank,
           " could say that its outputs are retained");
  }

  void check_all_read(const FusionMember& member) const {
    const Layer& own = layer(member);
    for (const auto& access : own.output.dimensions) {
      const auto moving = moving_terms(access, own);
      if (moving.size() != 1) continue;
      const auto rank = moving.front().rank;
      RankRange all{own.ranks[rank].extent, 0};
      for (const auto& share : member.shares)
        if (share.ranks[rank].size() > 0)
          all = {std::min(all.begin, share.ranks[rank].begin),
                 std::max(all.end, share.ranks[rank].end)};
      if (all.begin != 0 || all.end != own.ranks[rank].extent)
        refuse("tensor ", tensor_name(member), ": the fused layers read ", all.begin, " to ",
               all.end - 1, " of the ", own.ranks[rank].extent, " indices along ",
               own.ranks[rank].name, "; the others would never be computed");
    }
  }

  void deal_pipelined(FusionMember& member) const {
    for (const auto& split : member.partition)
      if (loop_over(member, split.rank) >= 0)
        refuse("layer ", layer(member).name, ": rank ", layer(member).ranks[split.rank].name,
               " is split over tiles and moved by a shared loop");
    const auto origins = member.shares.front().origins;
    member.shares = dealt(member);
    if (member.shares.empty()) refuse("layer ", layer(member).name, ": no tile gets a share");
    for (auto& share : member.shares)
      for (std::size_t r = 0; r < origins.size(); ++r)
        if (loop_over(member, static_cast<int>(r)) >= 0 &&
            member.loops[loop_over(member, static_cast<int>(r))].step > 0 &&
            std::ranges::none_of(member.partition, [&](const auto& split) {
              return split.rank == static_cast<int>(r);
            }))
          share.origins[r] = origins[r];
  }

  void add_own_loops(FusionMember& member) const {
    for (const auto& own : member.own_loops) {
      std::int64_t most = 0;
      for (const auto& share : member.shares) {
        most = std::max(most, largest(member, own.rank, share));
      }
      member.loops.push_back(
          {own.rank, own.tile, ceil_div(std::max<std::int64_t>(most, 1), own.tile), 0, 0});
    }
  }

  /// Most indices of a rank in any trip of the loops so far.
  static std::int64_t largest(const FusionMember& member, workloads::RankId rank,
                              const TileShare& share) {
    Operand single;
    DimensionAccess access;
    access.terms = {{rank, 1}};
    access.valid_begin = 0;
    access.valid_end = std::numeric_limits<std::int64_t>::max() / 2;
    single.dimensions = {access};
    FusionMember one;
    one.shares = {share};
    return most_indices(one, single, member.loops, static_cast<int>(member.loops.size())).front();
  }

  Fusion& fusion_;
  const std::string& origin_;
  const Network& network_;
  TileGrid grid_;
};

/// Visits the range tiles that loops over some ranks leave of a share.
template <typename Visit>
void for_each_trip(const TileShare& share, const std::vector<FusionLoop>& loops, Visit visit) {
  CodeBlock block(1);
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    CodeNode node;
    node.is_loop = true;
    node.rank = loop->rank;
    node.step = loop->step;
    node.count = loop->count;
    node.first = loop->first;
    node.overlap = loop->overlap;
    node.body = std::move(block);
    block = {};
    block.push_back(std::move(node));
  }
  for (CodeCursor at(block, share); !at.done(); at.next()) visit(at.ranks());
}

}  // namespace

void infer_members(Fusion& fusion, const std::string& origin, const Network& network,
                   TileGrid grid) {
  Inference(fusion, origin, network, grid).run();
}

std::vector<std::int64_t> most_indices(const FusionMember& member, const Operand& operand,
                                       const std::vector<FusionLoop>& loops, int depth) {
  std::vector<std::int64_t> most;
  for (const auto& access : operand.dimensions) {
    Operand single;
    single.dimensions = {access};
    std::vector<FusionLoop> around;
    for (int i = 0; i < depth; ++i)
      if (std::ranges::any_of(access.terms,
                              [&](const auto& term) { return term.rank == loops[i].rank; }))
        around.push_back(loops[i]);
    std::int64_t count = 1;
    for (const auto& share : member.shares)
      for_each_trip(share, around, [&](const RankTile& ranks) {
        const bool empty = std::ranges::any_of(
            access.terms, [&](const auto& term) { return ranks[term.rank].size() == 0; });
        if (!empty) count = std::max(count, region_of(single, ranks).dimensions.front().count);
      });
    most.push_back(count);
  }
  return most;
}

std::int64_t executed_points(const FusionMember& member) {
  std::int64_t points = 0;
  for (const auto& share : member.shares) {
    std::int64_t volume = 1;
    for (const auto& loop : member.loops)
      if (loop.rank < 0) volume *= loop.count;
    for (std::size_t r = 0; r < share.ranks.size(); ++r) {
      std::vector<FusionLoop> around;
      for (const auto& loop : member.loops)
        if (loop.rank == static_cast<int>(r)) around.push_back(loop);
      std::int64_t indices = 0;
      for_each_trip(share, around, [&](const RankTile& ranks) { indices += ranks[r].size(); });
      volume *= indices;
    }
    points += volume;
  }
  return points;
}

}  // namespace tessera::mapping

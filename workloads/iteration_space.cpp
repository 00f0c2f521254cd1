#include "workloads/iteration_space.h"

#include <algorithm>

namespace tessera::workloads {

int IterationSpace::add_loop(const std::string& name, std::int64_t extent, bool reduced,
                             std::vector<std::string> part_names) {
  loops_.push_back({name, extent, reduced, std::move(part_names), {}});
  return static_cast<int>(loops_.size()) - 1;
}

bool IterationSpace::accommodate(const View& view, const OperandUse& use) {
  const auto before = loops_;
  for (std::size_t i = 0; i < use.size(); ++i) {
    const bool fits = use[i].window ? view.dimensions[i].size() == 1 &&
                                          view.dimensions[i][0].dimension != kNoDimension
                                    : add_cuts(view.dimensions[i], use[i]);
    if (fits) continue;
    loops_ = before;
    return false;
  }
  return true;
}

bool IterationSpace::add_cuts(const Digits& digits, const DimensionUse& use) {
  std::int64_t position = 1;
  for (std::size_t i = digits.size(); i-- > 1;) {
    position *= digits[i].extent;
    if (!add_cut(use, position)) return false;
  }
  return true;
}

bool IterationSpace::add_cut(const DimensionUse& use, std::int64_t position) {
  std::int64_t inner = 1;
  for (std::size_t i = use.loops.size(); i-- > 0;) {
    Loop& loop = loops_[use.loops[i]];
    if (position == inner) return true;
    if (position < inner * loop.extent) {
      if (position % inner != 0) return false;
      auto& cuts = loop.cuts;
      const std::int64_t cut = position / inner;
      if (std::ranges::find(cuts, cut) == cuts.end()) cuts.push_back(cut);
      std::ranges::sort(cuts);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
        if (cuts[c + 1] % cuts[c] != 0) return false;
      return loop.extent % cuts.back() == 0;
    }
    inner *= loop.extent;
  }
  return true;
}

std::vector<std::int64_t> IterationSpace::part_extents(const Loop& loop) const {
  std::vector<std::int64_t> extents;
  std::int64_t outer = loop.extent;
  for (std::size_t i = loop.cuts.size(); i-- > 0;) {
    extents.push_back(outer / loop.cuts[i]);
    outer = loop.cuts[i];
  }
  extents.push_back(outer);
  return extents;
}

std::vector<Rank> IterationSpace::ranks() const {
  std::vector<Rank> ranks;
  for (const auto& loop : loops_) {
    const auto extents = part_extents(loop);
    for (std::size_t i = 0; i < extents.size(); ++i) {
      std::string name = loop.name;
      if (extents.size() > 1)
        name = loop.part_names.size() == extents.size() ? loop.part_names[i]
                                                        : name + std::to_string(i);
      ranks.push_back({name, extents[i], loop.reduced});
    }
  }
  return ranks;
}

std::vector<RankId> IterationSpace::ranks_of(int loop) const {
  RankId first = 0;
  for (int i = 0; i < loop; ++i) first += static_cast<RankId>(loops_[i].cuts.size()) + 1;
  std::vector<RankId> ranks;
  for (std::size_t i = 0; i <= loops_[loop].cuts.size(); ++i)
    ranks.push_back(first + static_cast<RankId>(i));
  return ranks;
}

std::vector<IterationSpace::Part> IterationSpace::parts(const DimensionUse& use) const {
  std::vector<Part> parts;
  for (const int loop : use.loops) {
    const auto ranks = ranks_of(loop);
    const auto extents = part_extents(loops_[loop]);
    for (std::size_t i = 0; i < ranks.size(); ++i) parts.push_back({ranks[i], extents[i]});
  }
  return parts;
}

void IterationSpace::address_window(const Digits& digits, const DimensionUse& use,
                                    Operand& operand) const {
  const Digit& digit = digits.front();
  auto& access = operand.dimensions[digit.dimension];
  access.valid_begin = access.offset;
  access.valid_end = access.offset + digit.coefficient * (digit.extent - 1) + 1;
  access.offset -= use.pad * digit.coefficient;
  access.terms.push_back({ranks_of(use.loops[0])[0], use.stride * digit.coefficient});
  access.terms.push_back({ranks_of(use.loops[1])[0], use.dilation * digit.coefficient});
}

/// Walks ranks and digits together from the inner end. Every rank lies within one digit: the loops
/// were cut at the digits' borders. A rank of extent one keeps a term where a digit lies at its
/// place.
void IterationSpace::address_digits(const Digits& digits, const DimensionUse& use,
                                    Operand& operand) const {
  const auto ranks = parts(use);
  std::size_t next_digit = digits.size();
  std::int64_t begin = 1, end = 1, position = 1;
  Digit digit;
  for (std::size_t i = ranks.size(); i-- > 0;) {
    const bool finished = next_digit == digits.size() || position >= end;
    if (finished && next_digit > 0) {
      digit = digits[--next_digit];
      begin = position;
      end = begin * digit.extent;
    }
    if (digits.empty() || digit.dimension == kNoDimension) {
      position *= ranks[i].extent;
      continue;
    }
    operand.dimensions[digit.dimension].terms.push_back(
        {ranks[i].rank, digit.coefficient * (position / begin)});
    position *= ranks[i].extent;
  }
}

Operand IterationSpace::operand(const View& view, const OperandUse& use, OperandRole role,
                                const std::vector<std::int64_t>& extents) const {
  Operand operand{view.tensor, role, {}};
  for (std::size_t i = 0; i < extents.size(); ++i)
    operand.dimensions.push_back({{}, view.origin[i], 0, extents[i]});
  for (std::size_t i = 0; i < use.size(); ++i) {
    if (use[i].window)
      address_window(view.dimensions[i], use[i], operand);
    else
      address_digits(view.dimensions[i], use[i], operand);
  }
  for (auto& dimension : operand.dimensions)
    std::ranges::sort(dimension.terms, {}, &AffineTerm::rank);
  return operand;
}

}  // namespace tessera::workloads

#include "mapping/dram_runs.h"

#include <algorithm>

#include "sim/base/types.h"

namespace tessera::mapping {

namespace {

/// Part of one dimension's index range that lies in one block.
struct Segment {
  std::int64_t block = 0;   ///< block number
  std::int64_t offset = 0;  ///< of the first index in the block
  std::int64_t count = 0;
  std::int64_t step = 1;
};

std::vector<Segment> cut(const workloads::IndexRange& range, std::int64_t block) {
  std::vector<Segment> segments;
  for (std::int64_t i = 0; i < range.count;) {
    const std::int64_t index = range.begin + i * range.step;
    const std::int64_t number = index / block;
    const std::int64_t last_in_block = (number + 1) * block - 1;
    const std::int64_t count = std::min(range.count - i, (last_in_block - index) / range.step + 1);
    segments.push_back({number, index - number * block, count, range.step});
    i += count;
  }
  return segments;
}

class RunBuilder {
 public:
  RunBuilder(const DramLayout& layout, const std::vector<std::int64_t>& extents, int word_bytes)
      : layout_(layout), word_bytes_(static_cast<Bytes>(word_bytes)), dimensions_(extents.size()) {
    for (std::size_t d = 0; d < dimensions_; ++d)
      blocks_.push_back(ceil_div(extents[d], layout.block[d]));
  }

  std::vector<Run> build(const workloads::Region& region) {
    if (region.empty()) return {};
    for (const auto& range : region.dimensions)
      segments_.push_back(cut(range, layout_.block[segments_.size()]));
    choose_segments(0, 0);
    return std::move(runs_);
  }

 private:
  /// One segment per dimension makes a box inside one block; `block` is the block's number so far.
  void choose_segments(std::size_t position, std::int64_t block) {
    if (position == dimensions_) {
      std::int64_t block_elements = 1;
      for (const auto extent : layout_.block) block_elements *= extent;
      return walk_box(0, block * block_elements);
    }
    const int d = layout_.order[position];
    for (const auto& segment : segments_[d]) {
      chosen_.resize(dimensions_);
      chosen_[d] = segment;
      choose_segments(position + 1, block * blocks_[d] + segment.block);
    }
  }

  void walk_box(std::size_t position, std::int64_t base) {
    std::int64_t stride = 1;
    bool whole_inside = true;  // all faster dimensions are covered completely
    for (std::size_t p = position + 1; p < dimensions_; ++p) {
      const int d = layout_.order[p];
      stride *= layout_.block[d];
      whole_inside &= chosen_[d].count == layout_.block[d];
    }
    const Segment& segment = chosen_[layout_.order[position]];
    if (whole_inside && segment.step == 1)
      return add(base + segment.offset * stride, segment.count * stride);
    for (std::int64_t i = 0; i < segment.count; ++i)
      walk_box_or_add(position + 1, base + (segment.offset + i * segment.step) * stride);
  }

  void walk_box_or_add(std::size_t position, std::int64_t base) {
    if (position == dimensions_)
      add(base, 1);
    else
      walk_box(position, base);
  }

  void add(std::int64_t element, std::int64_t count) {
    const std::uint64_t address =
        layout_.base_address + static_cast<std::uint64_t>(element) * word_bytes_;
    const Bytes bytes = static_cast<Bytes>(count) * word_bytes_;
    if (!runs_.empty() && runs_.back().address + runs_.back().bytes == address)
      runs_.back().bytes += bytes;
    else
      runs_.push_back({address, bytes});
  }

  const DramLayout& layout_;
  Bytes word_bytes_;
  std::size_t dimensions_;
  std::vector<std::int64_t> blocks_;
  std::vector<std::vector<Segment>> segments_;
  std::vector<Segment> chosen_;
  std::vector<Run> runs_;
};

}  // namespace

std::vector<Run> runs_of(const DramLayout& layout, const std::vector<std::int64_t>& extents,
                         const workloads::Region& region, int word_bytes) {
  return RunBuilder(layout, extents, word_bytes).build(region);
}

std::uint64_t address_of(const DramLayout& layout, const std::vector<std::int64_t>& extents,
                         std::span<const std::int64_t> index, int word_bytes) {
  std::int64_t block = 0, block_elements = 1, inside = 0;
  for (const int d : layout.order) {
    block = block * ceil_div(extents[d], layout.block[d]) + index[d] / layout.block[d];
    inside = inside * layout.block[d] + index[d] % layout.block[d];
    block_elements *= layout.block[d];
  }
  return layout.base_address + static_cast<std::uint64_t>(block * block_elements + inside) *
                                   static_cast<std::uint64_t>(word_bytes);
}

}  // namespace tessera::mapping

#include "mapping/row_stationary_search.h"

#include <algorithm>
#include <tuple>

#include "mapping/stage_plan.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

std::vector<std::int64_t> factors_of(std::int64_t number) {
  std::vector<std::int64_t> factors;
  for (std::int64_t factor = 1; factor <= number; ++factor)
    if (number % factor == 0) factors.push_back(factor);
  return factors;
}

/// Sizes that cut a range into balanced parts, each number of parts once.
std::vector<std::int64_t> balanced_parts(std::int64_t extent) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t parts = 1; parts <= extent; ++parts)
    if (const std::int64_t size = ceil_div(extent, parts); sizes.empty() || sizes.back() != size)
      sizes.push_back(size);
  return sizes;
}

class Search {
 public:
  Search(const Layer& layer, const ConvolutionRanks& ranks, const Extents& extents,
         const hw::Accelerator& accelerator)
      : layer_(layer),
        ranks_(ranks),
        extents_(extents),
        array_(accelerator.tile.array),
        buffer_(accelerator.tile.buffer),
        word_(accelerator.word_bytes()),
        channels_(extent(ranks.c)),
        images_(extent(ranks.n)),
        rows_(extent(ranks.r)),
        taps_(extent(ranks.s)) {
    now_.deals_groups = extent(ranks.g) > 1 && channels_ == 1 && extent(ranks.k) == 1;
    filters_ = now_.deals_groups ? extent(ranks.g) : extent(ranks.k);
  }

  std::optional<RowStationaryMapping> run() {
    for (const std::int64_t e : balanced_parts(extent(ranks_.p))) try_set_width(e);
    return best_;
  }

 private:
  std::int64_t extent(RankId rank) const { return rank < 0 ? 1 : extents_[rank]; }

  /// Input words of one image and channel that a strip of so many output rows needs.
  std::int64_t plane(std::int64_t output_rows) const {
    Extents tile(extents_.size(), 1);
    for (const RankId rank : {ranks_.q, ranks_.r, ranks_.s})
      if (rank >= 0) tile[rank] = extents_[rank];
    if (ranks_.p >= 0) tile[ranks_.p] = output_rows;
    return padded_elements(layer_.inputs[0], tile);
  }

  void try_set_width(std::int64_t e) {
    now_.e = e;
    now_.pieces = static_cast<int>(ceil_div<std::int64_t>(e, array_.columns));
    const auto down = array_.rows / (rows_ * now_.pieces);
    const auto across = std::max<std::int64_t>(1, array_.columns / e);
    strips_ = ceil_div(extent(ranks_.p), e);
    strip_plane_ = plane(e);
    all_planes_ = (strips_ - 1) * strip_plane_ + plane(extent(ranks_.p) - (strips_ - 1) * e);
    for (const std::int64_t r : factors_of(channels_))
      for (const std::int64_t t : factors_of(filters_)) {
        if (r > down || !stack(t, down / r, across)) continue;
        now_.r = r;
        now_.t = t;
        try_pads();
      }
  }

  /// Puts t sets on top of each other as far as they fit, the others side by side.
  bool stack(std::int64_t t, std::int64_t down, std::int64_t across) {
    for (std::int64_t high = std::min(t, down); high >= 1; --high) {
      if (t % high != 0 || t / high > across) continue;
      now_.sets_down = static_cast<int>(high);
      now_.sets_across = static_cast<int>(t / high);
      return true;
    }
    return false;
  }

  void try_pads() {
    for (const std::int64_t q : factors_of(channels_ / now_.r))
      for (const std::int64_t p : factors_of(filters_ / now_.t)) {
        now_.q = q;
        now_.p = p;
        if (fits_registers()) try_buffer();
      }
  }

  /// One group after the other keeps the window and the sum of that group only.
  bool fits_registers() const {
    const std::int64_t copies = array_.register_rings ? 1 : 2;
    const std::int64_t words[hw::kOperands] = {now_.q * taps_ * copies, now_.p * now_.q * taps_,
                                               (now_.deals_groups ? 1 : now_.p) * copies};
    std::int64_t shared = 0;
    for (int x = 0; x < hw::kOperands; ++x) {
      const auto file = static_cast<std::int64_t>(array_.operand_register_bytes[x]);
      if (file == 0)
        shared += words[x] * word_;
      else if (words[x] * word_ > file)
        return false;
    }
    return shared <= static_cast<std::int64_t>(array_.register_bytes);
  }

  void try_buffer() {
    const std::int64_t pass_filters = now_.p * now_.t;
    for (const std::int64_t n : factors_of(images_))
      for (const std::int64_t blocks : factors_of(filters_ / pass_filters)) {
        now_.n = n;
        now_.m = blocks * pass_filters;
        if (fits_buffer()) consider();
      }
  }

  bool fits_buffer() const {
    const std::int64_t inputs = now_.n * pass_channels() * strip_plane_ * word_;
    const std::int64_t sums = now_.n * now_.m * now_.e * extent(ranks_.q) * word_;
    const std::int64_t weights = now_.p * now_.t * now_.q * now_.r * rows_ * taps_ * word_;
    const auto all = static_cast<std::int64_t>(buffer_.bytes);
    const auto reserved = static_cast<std::int64_t>(buffer_.weight_bytes);
    if (reserved == 0) return inputs + sums + 2 * weights <= all;
    const std::int64_t bank = all / buffer_.banks;
    return weights <= reserved &&
           ceil_div(inputs, bank) + ceil_div(sums, bank) <= (all - reserved) / bank;
  }

  /// Input channels of a pass; with one per group, those of its groups.
  std::int64_t pass_channels() const {
    return now_.deals_groups ? now_.p * now_.t : now_.q * now_.r;
  }

  void consider() {
    const std::int64_t all_channels = now_.deals_groups ? filters_ : channels_;
    const std::int64_t input = images_ * all_channels * all_planes_;
    const std::int64_t filter_passes = now_.deals_groups ? 1 : filters_ / (now_.p * now_.t);
    const std::int64_t channel_passes = channels_ / (now_.q * now_.r);
    const std::int64_t sums = images_ * filters_ * extent(ranks_.p) * extent(ranks_.q);
    const std::int64_t weights = filters_ * channels_ * rows_ * taps_;
    const std::int64_t input_reads = now_.deals_groups ? 1 : filters_ / now_.m;
    now_.dram_words = input * input_reads + weights * strips_ * (images_ / now_.n);
    now_.buffer_words = input * filter_passes + sums * channel_passes * 2;
    const std::int64_t passes =
        filters_ / (now_.p * now_.t) * channel_passes * (images_ / now_.n) * strips_;
    now_.steps = passes * now_.n * now_.p * now_.q * taps_ * extent(ranks_.q);
    const auto key = std::tuple(now_.dram_words, now_.buffer_words, now_.steps, passes);
    if (best_ && key >= best_key_) return;
    best_ = now_;
    best_key_ = key;
  }

  const Layer& layer_;
  const ConvolutionRanks& ranks_;
  const Extents& extents_;
  const hw::PeArrayDescription& array_;
  const hw::BufferDescription& buffer_;
  std::int64_t word_;
  std::int64_t channels_, images_, rows_, taps_;
  std::int64_t filters_ = 1;
  std::int64_t strips_ = 1;
  std::int64_t strip_plane_ = 0;  ///< input words of a whole strip, one image and channel
  std::int64_t all_planes_ = 0;   ///< of all strips, their common rows counted for each
  RowStationaryMapping now_;
  std::optional<RowStationaryMapping> best_;
  std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t> best_key_;
};

}  // namespace

std::optional<ConvolutionRanks> convolution_ranks(const Layer& layer) {
  const bool weighted = layer.kind == workloads::LayerKind::kMatrix && layer.inputs.size() == 2 &&
                        layer.inputs[0].role == workloads::OperandRole::kInput &&
                        layer.inputs[1].role == workloads::OperandRole::kWeight;
  if (!weighted) return std::nullopt;
  ConvolutionRanks ranks;
  const std::pair<const char*, RankId*> roles[] = {
      {"N", &ranks.n}, {"G", &ranks.g}, {"K", &ranks.k}, {"C", &ranks.c},
      {"P", &ranks.p}, {"Q", &ranks.q}, {"R", &ranks.r}, {"S", &ranks.s}};
  std::size_t known = 0;
  for (const auto& [name, rank] : roles) {
    *rank = layer.rank_index(name);
    known += *rank >= 0;
  }
  if (known != layer.ranks.size()) return std::nullopt;
  return ranks;
}

std::optional<RowStationaryMapping> search_row_stationary(const Layer& layer,
                                                          const Extents& extents,
                                                          const hw::Accelerator& accelerator) {
  const auto ranks = convolution_ranks(layer);
  if (!ranks) return std::nullopt;
  return Search(layer, *ranks, extents, accelerator).run();
}

}  // namespace tessera::mapping

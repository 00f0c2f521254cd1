#include "mapping/dram_placement.h"

#include <algorithm>
#include <bit>

#include "mapping/dram_channels.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

namespace {

constexpr Bytes kMostBytes = Bytes{1} << 30;
/// Tensors that follow each other closely begin at multiples of this, all channels together.
constexpr Bytes kCloseAlignment = 4096;

template <typename Value>
[[noreturn]] void refuse(const std::string& origin, const char* field, const Value& value,
                         const std::string& allowed) {
  throw UserError(origin, ": dram_placement.", field, " is ", value, "; allowed: ", allowed);
}

class Placer {
 public:
  Placer(const DramPlacement& placement, std::size_t channels, Bytes stripe, Program& program)
      : placement_(placement),
        stripe_(stripe),
        program_(program),
        next_(channels, 0),
        data_(channels, 0),
        in_dram_(program.network.tensors.size(), false) {
    for (const auto& part : program.parts)
      if (part.home == Home::kDram) in_dram_[part.tensor] = true;
    check_tensors();
  }

  void place_all() {
    for (std::size_t tensor = 0; tensor < program_.layouts.size(); ++tensor) place(tensor);
  }

 private:
  int channels() const { return static_cast<int>(next_.size()); }

  void check_tensors() const {
    std::vector<std::string> names;
    for (const auto& tensor : program_.network.tensors) names.push_back(tensor.name);
    for (const auto& given : placement_.tensors) {
      if (std::ranges::find(names, given.tensor) == names.end())
        throw UserError("dram_placement.tensor '", given.tensor,
                        "': the network has no such tensor; ", suggest(given.tensor, names));
      if (given.first_channel >= channels())
        refuse("dram_placement.tensor " + given.tensor, "first_channel", given.first_channel);
      if (given.channels > channels())
        refuse("dram_placement.tensor " + given.tensor, "channels", given.channels);
    }
  }

  [[noreturn]] void refuse(const std::string& where, const char* field, int value) const {
    throw UserError(where, ": ", field, " is ", value, "; the machine has ", channels(),
                    " DRAM channels");
  }

  void place(std::size_t tensor) {
    DramLayout& layout = program_.layouts[tensor];
    layout.stripe_bytes = stripe_;
    choose_channels(tensor, layout);
    layout.hashed = placement_.hashed && layout.copies == Copies::kOne && layout.channels > 1;
    if (layout.hashed && !std::has_single_bit(static_cast<unsigned>(layout.channels)))
      throw UserError("dram_placement.hashed: the stripes of tensor ",
                      program_.network.tensors[tensor].name, " go round ", layout.channels,
                      " channels; allowed: a power of two");
    layout.base_address = base_of(tensor, layout);
    const Bytes space = space_of(layout);
    for (int c = 0; c < channels(); ++c) {
      if (!holds_part(layout, c, channels())) continue;
      next_[c] = layout.base_address + space;
      if (in_dram_[tensor]) data_[c] += space;
    }
  }

  void choose_channels(std::size_t tensor, DramLayout& layout) const {
    const auto& described = program_.network.tensors[tensor];
    const auto given =
        std::ranges::find(placement_.tensors, described.name, &TensorPlacement::tensor);
    layout.first_channel = 0;
    layout.channels = channels();
    if (given != placement_.tensors.end()) {
      layout.first_channel = given->first_channel;
      layout.channels = given->channels;
    } else if (described.kind == workloads::TensorKind::kWeight &&
               placement_.weight_copies != Copies::kOne) {
      layout.copies = placement_.weight_copies;
    } else if (placement_.channels == DramPlacement::Channels::kPartitioned) {
      layout.first_channel = static_cast<int>(std::ranges::min_element(data_) - data_.begin());
      layout.channels = 1;
    }
  }

  std::uint64_t base_of(std::size_t tensor, const DramLayout& layout) const {
    std::uint64_t base = 0;
    for (int c = 0; c < channels(); ++c)
      if (holds_part(layout, c, channels())) base = std::max(base, next_[c]);
    const Bytes alignment = placement_.base_alignment_bytes;
    if (alignment == 0) return base;
    return round_up<std::uint64_t>(base, alignment) +
           tensor * placement_.base_stagger_bytes % alignment;
  }

  /// Bytes of each channel that are taken.
  Bytes space_of(DramLayout layout) const {
    layout.footprint_bytes = round_up<Bytes>(layout.footprint_bytes, kCloseAlignment);
    return bytes_per_channel(layout, channels());
  }

  const DramPlacement& placement_;
  Bytes stripe_;
  Program& program_;
  std::vector<std::uint64_t> next_;  ///< per channel, first free address
  std::vector<Bytes> data_;          ///< per channel, bytes of tensors that live in DRAM
  std::vector<bool> in_dram_;        ///< per tensor
};

}  // namespace

void check_placement(const DramPlacement& placement, const std::string& origin) {
  const auto size = [&](const char* field, Bytes value) {
    if (value > kMostBytes) refuse(origin, field, value, "0 to 2^30");
    if (value != 0 && !std::has_single_bit(value))
      refuse(origin, field, value, "0 or a power of two");
  };
  size("interleave_bytes", placement.interleave_bytes);
  size("base_alignment_bytes", placement.base_alignment_bytes);
  size("fitted_to_burst_bytes", placement.fitted_to_burst_bytes);
  if (placement.base_stagger_bytes > 0 &&
      placement.base_stagger_bytes >= placement.base_alignment_bytes)
    refuse(origin, "base_stagger_bytes", placement.base_stagger_bytes,
           "less than base_alignment_bytes, " + std::to_string(placement.base_alignment_bytes));
  for (const auto& tensor : placement.tensors) {
    if (tensor.first_channel < 0)
      refuse(origin, "tensor.first_channel", tensor.first_channel, "0 or more");
    if (tensor.channels < 1) refuse(origin, "tensor.channels", tensor.channels, "1 or more");
  }
}

void place_in_dram(const DramPlacement& placement, std::size_t channels, Bytes default_interleave,
                   Program& program) {
  const Bytes stripe =
      placement.interleave_bytes > 0 ? placement.interleave_bytes : default_interleave;
  if (stripe < static_cast<Bytes>(program.word_bytes))
    throw UserError("dram_placement.interleave_bytes is ", stripe, "; allowed: a word of ",
                    program.word_bytes, " bytes or more");
  program.dram_channels = static_cast<int>(channels);
  Placer(placement, channels, stripe, program).place_all();
}

}  // namespace tessera::mapping

// Parts of a machine made ideal, one by one, in the order in which the ladder takes them away
// again.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::hw {

enum class Ideal {
  kToolwords,  ///< traffic is moved as the tool counts it: bounding boxes, sliding windows kept
  kOverlap,    ///< a layer's own first load and last write-back cost no time
  kArray,      ///< no array fill, drain or start of an instruction
  kDelivery,   ///< buses between buffer and PEs are unlimited
  kCapacity,   ///< buffers, FIFOs and registers have room for everything, second copies included
  kPorts,      ///< buffer ports and banks are unlimited
  kLatency,    ///< the network has no latency
  kBandwidth,  ///< the network has no contention
  kDram,       ///< a channel is its peak rate, without commands
};
inline constexpr int kIdeals = 9;
inline constexpr std::array<std::string_view, kIdeals> kIdealNames = {
    "toolwords", "overlap", "array",     "delivery", "capacity",
    "ports",     "latency", "bandwidth", "dram"};

/// Which parts are ideal.
class IdealSet {
 public:
  bool has(Ideal ideal) const { return on_[static_cast<int>(ideal)]; }
  void set(Ideal ideal, bool on = true) { on_[static_cast<int>(ideal)] = on; }
  bool any() const;
  static IdealSet all();
  /// "array,dram" or "all"; UserError naming `option` for an unknown name.
  static IdealSet parse(const std::string& list, const std::string& option);
  bool operator==(const IdealSet&) const = default;

 private:
  std::array<bool, kIdeals> on_{};
};

}  // namespace tessera::hw

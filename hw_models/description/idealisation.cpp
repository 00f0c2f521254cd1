#include "hw_models/description/idealisation.h"

#include <algorithm>
#include <sstream>

#include "hw_models/description/accelerator.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::hw {

bool IdealSet::any() const {
  return std::ranges::any_of(on_, [](bool on) { return on; });
}

IdealSet IdealSet::all() {
  IdealSet set;
  set.on_.fill(true);
  return set;
}

IdealSet IdealSet::parse(const std::string& list, const std::string& option) {
  if (list == "all") return all();
  IdealSet set;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');) {
    const auto found = std::ranges::find(kIdealNames, name);
    if (found == kIdealNames.end()) {
      std::vector<std::string> known = {"all"};
      for (const auto& each : kIdealNames) known.emplace_back(each);
      throw UserError(option, " ", list, ": no idealisation '", name, "'; ", suggest(name, known));
    }
    set.on_[static_cast<std::size_t>(found - kIdealNames.begin())] = true;
  }
  return set;
}

void idealise(Accelerator& accelerator, IdealSet ideal) {
  constexpr Bytes unlimited = Bytes{1} << 40;
  constexpr int wide = 1 << 30;
  accelerator.ideal = ideal;
  auto& tile = accelerator.tile;
  if (ideal.has(Ideal::kArray)) {
    tile.array.instant = true;
    tile.issue_cycles = 0;
  }
  if (ideal.has(Ideal::kDelivery)) {
    for (auto& words : tile.array.bus_words_per_cycle) words = wide;
    for (auto& delivery : tile.array.delivery) delivery = Delivery::kMulticast;
  }
  if (ideal.has(Ideal::kCapacity)) {
    tile.free_copies = true;
    tile.buffer.bytes = tile.interface.staging_bytes = tile.array.register_bytes = unlimited;
    for (auto& bytes : tile.array.operand_register_bytes) bytes = 0;
  }
  if (ideal.has(Ideal::kPorts)) tile.buffer.unlimited_ports = true;
}

}  // namespace tessera::hw

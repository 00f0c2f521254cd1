#include "sim/app/list_command.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <utility>

#include "hw_models/description/load.h"
#include "hw_models/dram/device.h"
#include "noc/topology/noc.pb.h"
#include "sim/app/inputs.h"
#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/names.h"
#include "workloads/text_network.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

/// Name and one line of explanation.
using Entry = std::pair<std::string, std::string>;
using Entries = std::vector<Entry>;

Entries accelerators() {
  Entries entries;
  for (const auto& name : hw::accelerator_presets())
    entries.emplace_back(name, hw::read_accelerator_text(name, {}).summary());
  return entries;
}

Entries networks() {
  Entries entries;
  for (const auto& name : list_data_files("zoo"))
    entries.emplace_back(name, workloads::text_network_summary(data_file("zoo", name).string()));
  return entries;
}

Entries schedules() {
  Entries entries;
  for (const auto& kind : schedule_kinds()) entries.emplace_back(kind.name, kind.summary);
  return entries;
}

std::string summary_of(const dram::Device& device) {
  return detail::concatenate("x", device.geometry.bus_bits, " channel, ",
                             dram::data_rate_mt_s(device.geometry, device.timing), " MT/s, ",
                             device.geometry.capacity_bytes() >> 20, " MiB, bursts of ",
                             device.geometry.burst_bytes, " B");
}

Entries devices() {
  Entries entries;
  for (const auto& name : list_data_files("devices"))
    entries.emplace_back(name, summary_of(dram::load_device(name)));
  return entries;
}

std::string summary_of(noc::proto::TopologyFamily family) {
  switch (family) {
    case noc::proto::MESH:
      return "one router per tile, links to its neighbours";
    case noc::proto::TORUS:
      return "mesh whose rows and columns close to rings";
    case noc::proto::CMESH:
      return "mesh of routers that serve a block of tiles each";
    case noc::proto::FLATFLY:
      return "routers of a block of tiles each, linked to all others of their row and column";
    case noc::proto::EXPRESS:
      return "mesh with long links between every span-th router";
    case noc::proto::AMP:
      return "mesh with one more link of length span per router, direction and dimension";
    case noc::proto::LINKS:
      return "routers and links from a file or from the description itself";
    default:
      throw InvariantViolation("list", 0, "topology ", static_cast<int>(family), " has no summary");
  }
}

Entries topologies() {
  Entries entries;
  const auto& families = *noc::proto::TopologyFamily_descriptor();
  for (int i = 0; i < families.value_count(); ++i)
    entries.emplace_back(
        families.value(i)->name(),
        summary_of(static_cast<noc::proto::TopologyFamily>(families.value(i)->number())));
  return entries;
}

struct Listing {
  const char* name;
  Entries (*entries)();
};
constexpr std::array<Listing, 5> kListings{{{"accelerators", accelerators},
                                            {"networks", networks},
                                            {"schedules", schedules},
                                            {"devices", devices},
                                            {"topologies", topologies}}};

const Listing& find_listing(const std::string& name) {
  const auto found =
      std::ranges::find_if(kListings, [&](const Listing& listing) { return name == listing.name; });
  if (found != kListings.end()) return *found;
  std::vector<std::string> known;
  for (const auto& listing : kListings) known.emplace_back(listing.name);
  throw UserError("tessera list ", name, ": allowed are ", join(known));
}

void print(const Entries& entries) {
  std::size_t width = 0;
  for (const auto& [name, summary] : entries) width = std::max(width, name.size());
  for (const auto& [name, summary] : entries)
    std::cout << name << std::string(width - name.size() + 2, ' ') << summary << "\n";
}

po::options_description list_options() {
  po::options_description options("Options");
  options.add_options()("what", po::value<std::string>()->required(),
                        "accelerators, networks, schedules, devices or topologies");
  return options;
}

void list(const po::variables_map& options) {
  print(find_listing(options["what"].as<std::string>()).entries());
}

}  // namespace

Command list_command() {
  return {"list",
          "what can be named: accelerators, networks, schedules, devices, topologies",
          &list_options,
          &list,
          {"what"}};
}

}  // namespace tessera::app

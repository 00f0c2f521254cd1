#include "sim/results/manifest.h"

#include <cstdio>

#include "sim/base/message_io.h"

namespace tessera::sim {

std::string content_hash(const std::string& bytes) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const unsigned char byte : bytes) value = (value ^ byte) * 0x100000001b3u;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

void complete_manifest(proto::Manifest& manifest, const workloads::Network& network, const std::string& schedule,
                       const boost::program_options::variables_map& options) {
  manifest.set_version(TESSERA_VERSION);
  manifest.set_network(network.name);
  manifest.set_batch(network.batch);
  manifest.set_schedule(schedule);
  if (options.count("set") != 0)
    for (const auto& assignment : options["set"].as<std::vector<std::string>>()) manifest.add_set(assignment);
  manifest.set_seed(options["seed"].as<std::uint64_t>());
  manifest.set_configuration_hash(content_hash(to_binary(manifest)));
}

}  // namespace tessera::sim

#include "sim/results/manifest.h"

#include "sim/base/hash.h"
#include "sim/base/message_io.h"

namespace tessera::sim {

namespace {

/// The scheduler with what it was asked to have simulated: another budget, another schedule.
std::string asked_for(const std::string& schedule,
                      const boost::program_options::variables_map& options) {
  const auto given = [&](const char* name) {
    return options.count(name) != 0 && !options[name].defaulted();
  };
  std::string text = schedule;
  for (const char* name : {"refine", "refine-seconds"})
    if (given(name))
      text += std::string(" --") + name + "=" + std::to_string(options[name].as<std::int64_t>());
  if (given("refine-budget"))
    text += " --refine-budget=" + options["refine-budget"].as<std::string>();
  return text;
}

}  // namespace

void complete_manifest(proto::Manifest& manifest, const workloads::Network& network,
                       const std::string& schedule,
                       const boost::program_options::variables_map& options) {
  manifest.set_version(TESSERA_VERSION);
  manifest.set_network(network.name);
  manifest.set_batch(network.batch);
  manifest.set_schedule(asked_for(schedule, options));
  if (options.count("set") != 0)
    for (const auto& assignment : options["set"].as<std::vector<std::string>>())
      manifest.add_set(assignment);
  if (options.count("ideal") != 0) manifest.add_ideal(options["ideal"].as<std::string>());
  manifest.set_seed(options["seed"].as<std::uint64_t>());
  manifest.set_configuration_hash(hash_text(to_binary(manifest)));
}

}  // namespace tessera::sim

// Simulation speed: runs the built program on three networks and prints what its host.json says,
// beside figures of other simulators.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/result.pb.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAccelerator = "tangram-16x16";
constexpr const char* kNetworks[] = {"gemm512", "alexnet", "resnet50"};

/// The project's yardsticks: other simulators on one core of machines like those it is developed
/// on. None of them has traffic between tiles. A range covers several workloads.
struct Peer {
  const char* name;
  const char* kilocycles_per_second;
  const char* megamacs_per_second;
};
constexpr Peer kPeers[] = {
    {"ONNXim, resnet50 on four 128x128 cores (17.7 s CPU)", "39", "231"},
    {"ONNXim, its best matrix product", "", "447"},
    {"mNPUsim", "7-19", "10-44"},
    {"SCALE-Sim", "7-11", "22-33"},
    {"STONNE", "15", "4"},
};

void run(const fs::path& folder, const std::string& network) {
  const auto end = run_tessera(
      folder, {"run", "--accelerator", kAccelerator, "--network", network, "--out", network});
  if (end.exit_code != 0) throw UserError(network, ": the run failed: ", end.errors);
}

template <typename Message>
Message load(const fs::path& path) {
  Message message;
  parse_json(read_file(path), path, message);
  return message;
}

void print_run(const fs::path& out, const std::string& network) {
  const auto result = load<sim::proto::Result>(out / "result.json");
  const auto host = load<sim::proto::Host>(out / "host.json");
  std::printf("%-10s %12llu %14llu %8.1f %12.1f %10.1f %9.1f\n", network.c_str(),
              static_cast<unsigned long long>(result.cycles()),
              static_cast<unsigned long long>(result.macs()), host.cpu_seconds(),
              host.simulated_cycles_per_second() / 1e3, host.macs_per_second() / 1e6,
              static_cast<double>(host.peak_rss_bytes()) / 1e6);
  std::fflush(stdout);
}

void print_peers() {
  std::printf("\nOther simulators, one core, no traffic between tiles:\n");
  for (const auto& peer : kPeers)
    std::printf("  %-54s %10s k cycles/s %8s M MAC/s\n", peer.name, peer.kilocycles_per_second,
                peer.megamacs_per_second);
}

void run_all(const fs::path& folder) {
  std::printf("tessera on %s, one core\n%-10s %12s %14s %8s %12s %10s %9s\n", kAccelerator,
              "network", "cycles", "MACs", "CPU s", "k cycles/s", "M MAC/s", "peak MB");
  for (const std::string network : kNetworks) {
    run(folder, network);
    print_run(folder / network, network);
  }
  print_peers();
}

}  // namespace
}  // namespace tessera::test

// bench FOLDER: results go there.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "bench: one argument is needed, a folder for the results\n");
    return 2;
  }
  try {
    std::filesystem::create_directories(argv[1]);
    tessera::test::run_all(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}

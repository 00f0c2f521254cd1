// Speed of the network: cases that print simulated cycles, flit-hops and wall time; run one case
// under callgrind at two lengths and divide the difference of the instructions by that of the
// flit-hops.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "noc/study/open_loop.h"
#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

struct Measured {
  std::uint64_t flit_hops = 0;
  Cycle cycles = 0;
};

class IgnoringSink : public PacketSink {
 public:
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId, Cycle) override {}
};

Measured uniform(std::uint32_t side, double rate, std::uint32_t flits, bool runs, Cycle cycles) {
  NetworkConfig config;
  config.packet_runs = runs;
  TestNetwork net(build_mesh(grid(side, side)), make_xy, config);
  const auto pattern = make_traffic_pattern("uniform", pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = rate;
  plan.packet_flits = flits;
  plan.warmup_cycles = 0;
  plan.measure_cycles = cycles;
  plan.drain_cycles = 0;
  const OpenLoopResult result = OpenLoop(net.network, *pattern, plan).run();
  return {result.flit_hops, result.cycles};
}

// Granules of one packet each from a corner to every node, back to back; buffers hold a granule.
Measured broadcast(std::uint32_t side, std::uint32_t granules, std::uint32_t flits, bool runs) {
  NetworkConfig config;
  config.vc_buffer_flits = flits;
  config.packet_runs = runs;
  TestNetwork net(build_mesh(grid(side, side)), make_xy, config);
  std::vector<NodeId> all(side * side);
  for (NodeId node = 0; node < all.size(); ++node) all[node] = node;
  for (std::uint32_t i = 0; i < granules; ++i) net.network.inject(0, {0, all, flits, 0, i});
  IgnoringSink sink;
  Cycle last = 0;
  for (Cycle next = net.network.next_event(); next != kNever; next = net.network.next_event())
    net.network.advance(last = next, sink);
  return {net.network.stats().flit_hops(), last};
}

void report(const std::string& name, const Measured& measured, double seconds) {
  std::printf("%-34s %12llu flit-hops %10llu cycles %8.3f s %8.2f M flit-hops/s %9.1f k cycles/s\n",
              name.c_str(), static_cast<unsigned long long>(measured.flit_hops),
              static_cast<unsigned long long>(measured.cycles), seconds,
              static_cast<double>(measured.flit_hops) / seconds / 1e6,
              static_cast<double>(measured.cycles) / seconds / 1e3);
}

template <typename Work>
void timed(const std::string& name, Work work) {
  const auto start = std::chrono::steady_clock::now();
  const Measured measured = work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  report(name, measured, took.count());
}

void run_all(double scale) {
  const auto cycles = [&](double count) { return static_cast<Cycle>(count * scale); };
  for (const bool runs : {false, true}) {
    const std::string mode = runs ? " runs" : " flits";
    timed("8x8 4-flit 0.1" + mode, [&] { return uniform(8, 0.1, 4, runs, cycles(200e3)); });
    timed("8x8 4-flit 0.3" + mode, [&] { return uniform(8, 0.3, 4, runs, cycles(60e3)); });
    timed("8x8 16-flit 0.05" + mode, [&] { return uniform(8, 0.05, 16, runs, cycles(400e3)); });
    timed("16x16 4-flit 0.1" + mode, [&] { return uniform(16, 0.1, 4, runs, cycles(40e3)); });
    timed("16x16 broadcast 8-flit" + mode, [&] { return broadcast(16, 64, 8, runs); });
    timed("16x16 broadcast 16-flit" + mode, [&] { return broadcast(16, 64, 16, runs); });
  }
  timed("64x64 4-flit 0.02 runs", [&] { return uniform(64, 0.02, 4, true, cycles(2e3)); });
  timed("100x100 4-flit 0.01 runs", [&] { return uniform(100, 0.01, 4, true, cycles(1e3)); });
}

// bench_noc CASE LENGTH: one case, for counting instructions.
void run_one(const std::string& name, std::uint64_t length) {
  const bool runs = name.ends_with("-runs");
  const auto work = [&]() -> Measured {
    if (name.starts_with("uniform4")) return uniform(8, 0.1, 4, runs, length);
    if (name.starts_with("large4")) return uniform(16, 0.1, 4, runs, length);
    if (name.starts_with("uniform16")) return uniform(8, 0.05, 16, runs, length);
    if (name.starts_with("idle")) return uniform(8, 1e-6, 4, runs, length);
    const std::uint32_t flits = name.starts_with("broadcast16") ? 16 : 8;
    return broadcast(16, static_cast<std::uint32_t>(length), flits, runs);
  };
  timed(name, work);
}

}  // namespace
}  // namespace tessera::noc

int main(int argc, char** argv) {
  if (argc == 3)
    tessera::noc::run_one(argv[1], std::strtoull(argv[2], nullptr, 10));
  else
    tessera::noc::run_all(argc == 2 ? std::strtod(argv[1], nullptr) : 1.0);
}

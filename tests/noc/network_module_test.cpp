// The SystemC shell gives the same cycles as the plain network and sleeps in between.
#include <gtest/gtest.h>

#include <systemc>

#include "noc/network_module.h"
#include "sim/base/random.h"
#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

struct Sending {
  Cycle cycle;
  NodeId source, destination;
  std::uint32_t flits;
};

std::vector<Sending> random_sendings(std::uint64_t seed) {
  Random random(seed);
  std::vector<Sending> list;
  Cycle cycle = 3;
  for (int i = 0; i < 300; ++i) {
    cycle += random.below(7) * random.below(7);
    list.push_back({cycle, static_cast<NodeId>(random.below(16)),
                    static_cast<NodeId>(random.below(16)),
                    static_cast<std::uint32_t>(1 + random.below(9))});
  }
  return list;
}

/// Injects at given cycles, one process.
class Driver : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Driver);
  Driver(const sc_core::sc_module_name& name, NetworkModule& network, std::vector<Sending> list)
      : sc_module(name), network_(network), list_(std::move(list)) {
    SC_METHOD(step);
  }

 private:
  void step() {
    for (; next_ < list_.size() && list_[next_].cycle == network_.current_cycle(); ++next_)
      network_.inject(
          {list_[next_].source, {&list_[next_].destination, 1}, list_[next_].flits, 0, next_});
    if (next_ < list_.size())
      next_trigger(static_cast<double>(list_[next_].cycle - network_.current_cycle()) * 500,
                   sc_core::SC_PS);
  }

  NetworkModule& network_;
  std::vector<Sending> list_;
  std::size_t next_ = 0;
};

TEST(NetworkModule, ArrivalsAreThoseOfThePlainNetwork) {
  const auto list = random_sendings(7);
  TestNetwork plain(build_mesh(grid(4, 4)), make_xy);
  for (std::size_t i = 0; i < list.size(); ++i) {
    plain.network.advance(list[i].cycle, plain.sink);
    plain.send(list[i].cycle, list[i].source, list[i].destination, list[i].flits, i);
  }
  plain.drain();

  const Topology topology = build_mesh(grid(4, 4));
  const auto routing = make_xy(topology);
  RecordingSink sink;
  NetworkModule module("noc", Network({}, topology, *routing), 500, sink);
  Driver driver("driver", module, list);
  sc_core::sc_start();
  EXPECT_EQ(sink.arrived, plain.sink.arrived);
  EXPECT_EQ(sink.injected, plain.sink.injected);
  EXPECT_EQ(sink.arrived.size(), list.size());
}

}  // namespace
}  // namespace tessera::noc

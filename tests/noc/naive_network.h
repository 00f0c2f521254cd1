// The oracle of the network tests: every router, every virtual channel, every cycle, one object per
// flit and per credit. Slow and plain on purpose; it shares no code with the network but topology
// and routing.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "noc/config.h"
#include "noc/delivery.h"
#include "noc/topology/routing.h"
#include "noc/topology/topology.h"
#include "sim/base/random.h"

namespace tessera::noc {

class NaiveNetwork {
 public:
  NaiveNetwork(const NetworkConfig& config, const Topology& topology, const Routing& routing);

  void inject(Cycle now, const PacketRequest& request);
  SumId open_sum(const SumRequest& request);
  void step(Cycle cycle, PacketSink& sink);
  bool idle() const { return under_way_ == 0; }
  /// Flits sent over each link so far.
  const std::vector<std::uint64_t>& link_flits() const { return link_flits_; }

 private:
  struct Packet {
    std::uint64_t tag;
    NodeId source;
    std::uint32_t flits;
    std::uint8_t network;
    std::uint8_t coin;
    Cycle created;
    std::size_t outstanding;
    std::size_t original_destinations;
    SumId sum = kNoSum;      // a term of it
    SumId made_by = kNoSum;  // what an adder sends
  };
  /// What an adder has read of each term, flit by flit.
  struct Sum {
    SumRequest request;
    std::map<int, std::vector<Cycle>> read;  // by packet
  };
  struct Flit {
    int packet;
    std::uint32_t index;
    std::vector<NodeId> destinations;
  };
  struct Moving {
    Cycle at;
    std::uint32_t vc;
    Flit flit;
  };
  struct Credit {
    Cycle at;
    std::uint32_t vc;
    bool tail;
  };
  struct OutVc {
    bool busy = false;
    std::uint32_t credits = 0;
    std::uint32_t grant_pointer = 0;
  };
  /// A link, an injection or an ejection connection.
  struct Wire {
    LinkId link = kNoLink;
    std::uint32_t latency = 1;
    std::uint32_t interval = 1;
    Cycle next_slot = 0;
    bool injection = false;
    bool ejection = false;
    NodeId node = 0;
    std::deque<Moving> flits;
    std::deque<Credit> credits;
    std::vector<OutVc> out;
    std::uint32_t grant_pointer = 0;  // switch, as output
  };
  struct Branch {
    int output = -1;  // port of the router
    std::uint64_t vcs = 0;
    int vc = -1;
    std::uint32_t sent = 0;
    std::vector<NodeId> destinations;
  };
  enum class State { kIdle, kHead, kActive };
  struct InVc {
    std::deque<Flit> buffer;
    State state = State::kIdle;
    int packet = -1;  // at the front
    Cycle head_at = 0;
    std::vector<Branch> choices;   // unicast before allocation: the candidates
    std::vector<Branch> branches;  // multicast, or the one chosen
    std::uint32_t freed = 0;       // flits of the front packet that left the buffer
    std::uint32_t accept_pointer = 0;
  };
  struct InPort {
    int wire = -1;
    std::vector<InVc> vcs;
    std::uint32_t accept_pointer = 0;
    std::uint32_t vc_pointer = 0;
    int held_vc = -1;
  };
  struct Router {
    std::vector<InPort> inputs;
    std::vector<int> outputs;  // wires
  };
  struct Queue {
    std::deque<int> packets;
    int vc = -1;
    std::uint32_t sent = 0;
    std::uint32_t last_vc = 0;
  };
  struct Want {
    int input, vc, branch, output;
    bool speculative;
    bool granted = false, matched = false;
  };
  struct HeadWant {
    int input, vc, branch, output, out_vc;
    bool granted = false, matched = false;
  };

  std::uint64_t class_mask(std::uint8_t network, std::uint8_t vc_class) const;
  bool multicast(const InVc& in) const { return packets_[in.packet].original_destinations > 1; }
  void receive(Cycle cycle, PacketSink& sink);
  void inject_flits(Cycle cycle, PacketSink& sink);
  void read_term(int packet, bool tail, Cycle cycle);
  bool flit_is_added(const Packet& packet, std::uint32_t index, Cycle cycle) const;
  bool source_can_send(NodeId node, std::size_t network, Cycle cycle);
  void route(RouterId router, int input, int vc);
  std::vector<HeadWant> collect_heads(Router& router, Cycle cycle);
  void allocate_heads(Router& router, Cycle cycle, std::vector<HeadWant>& wants);
  std::vector<Want> collect_switch(Router& router, Cycle cycle, const std::vector<HeadWant>& heads);
  void allocate_switch(Router& router, Cycle cycle, std::vector<Want>& wants);
  void send(RouterId router, int input, int vc, int branch, Cycle cycle);
  void free_flits(Router& router, int input, int vc, Cycle cycle);
  void become_active(Router& router, const HeadWant& want);
  void step_router(RouterId router, Cycle cycle);
  bool must_be_empty(const InVc& in, const Wire& out, int vc) const;
  bool flit_there(const InVc& in, const Branch& branch) const;

  const NetworkConfig config_;
  const Topology& topology_;
  const Routing& routing_;
  Random random_;
  std::uint32_t vcs_;
  std::vector<Packet> packets_;
  std::vector<Sum> sums_;
  std::vector<Wire> wires_;
  std::vector<Router> routers_;
  std::vector<int> injection_;
  std::vector<int> ejection_;
  std::vector<int> link_wire_;
  std::vector<std::vector<Queue>> queues_;
  std::vector<std::size_t> last_network_;
  std::vector<std::uint64_t> link_flits_;
  std::size_t under_way_ = 0;
  std::vector<std::vector<NodeId>> destinations_;
  std::vector<std::pair<NodeId, std::uint64_t>> arrivals_;
};

}  // namespace tessera::noc

// The routers and nodes at work: one object steps whatever has something to do in a cycle.
#pragma once

#include <array>
#include <bit>
#include <string>
#include <vector>

#include "noc/delivery.h"
#include "noc/event_wheel.h"
#include "noc/fabric.h"
#include "noc/match.h"
#include "noc/multicast_tree.h"
#include "noc/packet.h"
#include "noc/source_queue.h"
#include "sim/base/random.h"

namespace tessera::noc {

/// Congestion counters of one virtual channel, as output of the router that drives it.
struct ChannelCounters {
  std::uint64_t credit_stall_cycles = 0;  ///< a flit waited for a credit
  std::uint64_t switch_losses = 0;        ///< requests that another one was preferred to
};

/// Congestion counters of the heads that wanted a wire.
struct WireCounters {
  std::uint64_t vc_losses = 0;       ///< requests for a free channel that another head got
  std::uint64_t vc_wait_cycles = 0;  ///< cycles of heads without a free channel
};

/// Input-queued virtual-channel routers with credits, to the cycle of the specification in
/// README.md.
///
/// State is kept where it changes: a router is visited in a cycle only when one of its channels can
/// ask for something, and a packet that nobody competes with moves as a run, which is visited at
/// its head, at its tail and when what it relies on ends. Every rule below reads other routers'
/// state only as of at least two cycles ago, so the order of visits within a cycle does not matter.
class Engine {
 public:
  Engine(const NetworkConfig& config, const Topology& topology, const Routing& routing);

  void inject(Cycle now, const PacketRequest& request);
  SumId open_sum(const SumRequest& request);
  Cycle next_event() const;
  void advance(Cycle now, PacketSink& sink);

  void set_observer(DeliveryObserver* observer) { observer_ = observer; }
  DeliveryObserver* observer() const { return observer_; }
  const Topology& topology() const { return topology_; }
  const NetworkConfig& config() const { return config_; }
  const Routing& routing() const { return routing_; }
  Cycle now() const { return now_; }
  std::uint64_t packets_under_way() const { return packets_.alive(); }

  /// Brings the logs of all channels to the last cycle advanced to.
  void settle_all();
  const Fabric& fabric() const { return fabric_; }
  const std::vector<ChannelCounters>& channel_counters() const { return channel_counters_; }
  const std::vector<WireCounters>& wire_counters() const { return wire_counters_; }
  /// Wire x traffic class, or none; a packet's flits from when its head is given a channel on.
  const std::vector<std::uint64_t>& class_flits() const { return class_flits_; }

  /// InvariantViolation when flits or credits of a channel do not add up.
  void check_conservation();
  /// What every packet that cannot move waits for, one line each, at most `limit`.
  std::string describe_waiting(std::size_t limit) const;

  void lose_flit(ChannelId channel) { fabric_.channels[channel].sent.forget_one(); }
  void lose_flit_to(NodeId node, std::uint32_t vc) {
    lose_flit(fabric_.channel_of(fabric_.ejection_wires[node], vc));
  }
  void lose_credit(ChannelId channel) { fabric_.channels[channel].freed.forget_one(); }

 private:
  /// Fewest flits for which a run costs less than arbitrating each.
  static constexpr std::uint32_t kShortestRun = 3;
  static constexpr std::uint8_t kUnknownPort = 255;
  /// Multicast, or a narrow link that takes a flit only every so many cycles.
  static constexpr std::uint8_t kSeveralOutputs = 255;

  /// One way out of a router for a packet with several destinations.
  struct Branch {
    std::uint64_t vcs = 0;
    WireId wire = kNone;
    ChannelId out = kNone;
    std::uint32_t sent = 0;
    std::uint32_t tree_branch = kNone;
  };
  struct Fork {
    std::uint64_t base = 0;  ///< flits freed before this packet
    std::uint32_t flits = 0;
    std::uint32_t arrived = 0;       ///< at least so many flits of it
    std::uint32_t with_channel = 0;  ///< branches that have a virtual channel
    bool one_per_wire = true;        ///< no two branches leave by the same wire
    std::vector<Branch> branches;
  };
  /// A packet on its way into an adder.
  struct Term {
    PacketId packet = kNone;
    ChannelId channel = kNone;  ///< to the adder
    std::uint64_t base = 0;     ///< flits of earlier packets in that channel
    bool head_in = false;
  };
  struct Sum {
    SumRequest request;
    std::vector<Term> terms;  ///< those that have a channel to the adder
    std::uint32_t heads = 0;  ///< of terms, read
  };
  struct Choice {
    WireId wire = kNone;
    std::uint64_t vcs = 0;
  };
  /// A head and one wire it could leave by, with the free channels there.
  struct HeadRequest {
    ChannelId in = kNone;
    std::uint32_t branch = kNone;  ///< of its fork
    WireId wire = kNone;
    std::uint64_t free = 0;
    std::uint32_t pointer = 0;  ///< accept pointer at the start of the cycle
  };
  struct SwitchRequest {
    ChannelId in = kNone;
    std::uint32_t branch = kNone;
    WireId in_wire = kNone;
    WireId out_wire = kNone;
    std::uint32_t flit = 0;  ///< of its packet, for branches that read the same flit
    bool speculative = false;
    bool matched = false;
    bool companion = false;  ///< goes along with another branch of the same packet
  };
  /// A channel, or a branch of its packet, that wants an output.
  struct Wish {
    ChannelId in;
    std::uint32_t branch;
    std::uint32_t flit;  ///< of its packet, for branches that read the same flit
    std::uint8_t input;
    std::uint8_t output = 0;
    bool first = true;  ///< no earlier channel in turn of its input wants the same output
  };
  /// What the wishes of a router add up to.
  struct Contest {
    std::uint64_t outputs = 0;                        ///< wanted by somebody
    std::array<std::uint64_t, kMaxPorts> wanted_by;   ///< by output: inputs
    std::array<std::uint64_t, kMaxPorts> granted_to;  ///< by input: outputs
    bool runs_stopped = false;                        ///< more channels ask now: collect again
  };
  /// A unicast packet's way through a router: its channels and their wires.
  struct Passage {
    ChannelId in;
    ChannelId out;
    Channel& channel;
    Channel& next;
    Wire& from;
    Wire& to;
  };
  /// What came of deciding between one or two channels alone.
  enum class Few { kDecided, kRunStopped, kMore };
  struct HeadWin {
    ChannelId in;
    std::uint32_t branch;
    ChannelId out;
    bool committed = false;
  };

  // engine.cpp: cycles, events, bookkeeping
  void step(Cycle cycle, PacketSink& sink);
  void handle(const Event& event);
  void report(PacketSink& sink);
  void deliver(PacketId id, std::uint32_t detail);
  void schedule(Cycle at, EventKind kind, std::uint32_t subject, std::uint32_t detail = 0) {
    wheel_.schedule(now_, at, {kind, subject, detail});
  }
  void watch_progress();
  std::uint64_t taken_of_front(ChannelId channel) const;
  std::uint64_t missing_of_last(ChannelId channel) const;

  // channel_state.cpp: what a channel has at a cycle, and waking up for it
  Cycle sent_known_through(const Wire& wire) const {
    return wire.from_node && sources_done_ ? now_ : now_ - 1;
  }
  void settle_sent(ChannelId channel);
  void settle_freed(ChannelId channel);
  std::uint32_t flits_available(ChannelId in, Cycle cycle);
  std::uint32_t credits(ChannelId out, Cycle cycle);
  void wait_for_flit(ChannelId in, Cycle cycle, FlitWait kind);
  void wait_for_credit(ChannelId out, Cycle cycle);
  void take_flit(ChannelId in);
  void put_flit(ChannelId out);
  void recheck(ChannelId in, Cycle cycle);
  void recheck_fork(ChannelId in, Cycle cycle);
  std::uint32_t fork_arrived(ChannelId in, Fork& fork, Cycle cycle);
  static bool has_flit_for(const Fork& fork, std::uint32_t arrived);
  void set_ready(ChannelId in);
  void clear_ready(ChannelId in);
  void next_head(ChannelId in, Cycle from);
  void schedule_flit(ChannelId in, Cycle arrival, FlitWait kind);
  void wake_receiver(ChannelId out, Cycle granted) {
    if (at(out).flit_wait != FlitWait::kNo) wake_waiting_receiver(out, granted);
  }
  void wake_waiting_receiver(ChannelId out, Cycle granted);
  void wake_sender(ChannelId in, Cycle granted) {
    const Channel& channel = at(in);
    if (channel.credit_wait || channel.room_wait) wake_waiting_sender(in, granted);
  }
  [[gnu::noinline]] void wake_waiting_sender(ChannelId in, Cycle granted);
  void release(ChannelId out);
  void wake_heads(WireId wire, Cycle from) {
    if (fabric_.wires[wire].waiting_ports != 0) wake_waiting_heads(wire, from);
  }
  [[gnu::noinline]] void wake_waiting_heads(WireId wire, Cycle from);
  void wake_head(ChannelId in, Cycle from);

  // head_allocation.cpp: routes and virtual channels
  void head_event(ChannelId in);
  void head_ready(ChannelId in);
  void start_transfer(ChannelId in);
  void route_unicast(ChannelId in, const Packet& packet);
  [[gnu::noinline]] void ask_routing(ChannelId in, const Packet& packet);
  [[gnu::noinline]] void remember_route(ChannelId in, const Packet& packet);
  [[gnu::noinline]] void route_fork(ChannelId in, const Packet& packet);
  std::uint64_t vcs_of(std::uint8_t virtual_network, std::uint8_t vc_class) const {
    return class_vcs_[virtual_network * 3 + (vc_class == kAnyClass ? 2 : vc_class)];
  }
  void set_head(ChannelId in);
  void clear_head(ChannelId in);
  void clear_head(Wire& wire, std::uint64_t vc);
  void fill_class_tables();
  [[gnu::noinline]] void match_heads(RouterId router);
  void collect_heads(RouterId router);
  void collect_unicast(ChannelId in);
  std::uint64_t empty_or_escape(ChannelId in, WireId wire, std::uint64_t free);
  void collect_fork(ChannelId in);
  bool wait_for_room(const Branch& branch);
  void sleep(ChannelId in);
  void allocate_heads(RouterId router);
  bool heads_compete() const;
  void allocate_uncontested(const HeadRequest& request, const RouterPorts& ports);
  void allocate_contested(const RouterPorts& ports);
  void win(const HeadRequest& request, std::uint32_t vc);
  void commit_heads();
  void commit_head(const HeadWin& won);
  void commit_unicast_head(const Passage& way);
  [[gnu::noinline]] void spread(Packet& packet, std::uint32_t interval) const;
  void pass_through(ChannelId in);
  void commit_branch(ChannelId in, std::uint32_t branch, ChannelId out);
  Choice choice(ChannelId in, std::uint32_t index) const;

  // switch_allocation.cpp: one flit per input and output port and cycle
  void visit(RouterId router);
  void visit_plain(RouterId router, const RouterPorts& ports);
  void arbitrate(RouterPorts& ports);
  void collect_switch(RouterPorts& ports);
  bool stop_competing_runs();
  bool stop_runs_against(WireId in_wire, WireId out_wire);
  void collect_port(WireId in_wire);
  void request_switch(ChannelId in, WireId in_wire, std::uint64_t& outputs);
  void request_fork(ChannelId in, WireId in_wire, std::uint64_t& outputs);
  void request_speculatively();
  bool may_request(const Wire& in_wire, const Wire& out_wire) const;
  void allocate_switch(const RouterPorts& ports);
  void match_requests(const RouterPorts& ports);
  void match_companions(const RouterPorts& ports);
  void count_loss(const SwitchRequest& request);
  void commit_switch();
  void commit_unicast(const SwitchRequest& request);
  bool confirm_speculation(const SwitchRequest& request);
  bool is_uncontested(const SwitchRequest& request) const;
  void step_held(const RouterPorts& ports);
  void update_hold(ChannelId in);

  // uncontested.cpp
  ChannelId allocate_only_head(const RouterPorts& ports);
  bool allocate_only_fork(ChannelId in);
  std::uint32_t vc_turn(std::uint32_t accept_pointer, const Wire& out) const;
  std::uint32_t roomy_channel(const Branch& branch, std::uint32_t flits, std::uint32_t turn);
  static void move_head_pointers(Channel& in, Channel& out);
  bool has_room(const Channel& out, const Wire& wire, std::uint64_t flits, Cycle cycle) const;
  bool start_run(ChannelId in);
  void assure_sender(const Passage& way, Cycle first);
  void finish_unicast_run(ChannelId in);

  // unicast_arbitration.cpp
  void arbitrate_plain(const RouterPorts& ports);
  Few arbitrate_few(const RouterPorts& ports);
  Few check_plain(Wish& wish);
  void decide_pair(Wish first, Wish second, const RouterPorts& ports);
  [[gnu::noinline]] Few arbitrate_unicasts(const RouterPorts& ports);
  bool collect_unicasts(const RouterPorts& ports, Contest& contest);
  void choose_input(const RouterPorts& ports, std::uint32_t output, Contest& contest);
  void accept_unicast(const RouterPorts& ports, std::uint32_t input, const Contest& contest);
  ChannelId next_for_output(WireId in_wire, std::uint32_t output) const;
  void count_losses(WireId in_wire, std::uint64_t vcs);
  [[gnu::noinline]] bool stop_competing_run(ChannelId run);
  void grant(Wish wish, const RouterPorts& ports, bool alone);

  // fork_arbitration.cpp
  [[gnu::noinline]] void arbitrate_forks(const RouterPorts& ports);
  void collect_wishes(const RouterPorts& ports, Contest& contest);
  void add_channel(ChannelId in, std::uint32_t input, std::uint64_t& own, Contest& contest);
  void add_wish(Wish wish, WireId out_wire, std::uint64_t& own, Contest& contest);
  void accept(const RouterPorts& ports, std::size_t first, std::size_t end, const Contest& contest);
  ChannelId output_of(const Wish& wish) const;
  static bool goes_along(const Wish& wish, const Wish& read, std::uint64_t grants);
  void grant_fork(const RouterPorts& ports, std::size_t first, std::size_t end, std::size_t taken,
                  const Contest& contest);

  // transfer.cpp: flits leave a buffer
  void send(ChannelId in);
  void continue_transfer(ChannelId in);
  void leave(ChannelId in, ChannelId out, std::uint32_t delivery_detail, Cycle granted);
  std::uint32_t delivery_detail(ChannelId in, const Wire& wire) const;
  void free_channel(ChannelId out, Channel& channel, Wire& wire, Cycle granted);
  void pop_front(ChannelId in, Cycle granted);
  void end_packet(ChannelId in, Channel& channel, Cycle granted);
  void free_fork(ChannelId in);
  void send_branch(ChannelId in, std::uint32_t branch);
  void advance_fork(ChannelId in, bool undisturbed);

  // runs.cpp
  Cycle sender_run_start(ChannelId in) const;
  std::uint64_t flit_guarantee(ChannelId in, Cycle cycle, std::uint64_t remaining);
  std::uint64_t credit_guarantee(ChannelId out, Cycle cycle);
  std::uint64_t run_length(ChannelId in, Cycle cycle, std::uint64_t remaining);
  bool try_run(ChannelId in, std::uint64_t remaining);
  bool try_fork_start(ChannelId in);
  bool is_undisturbed(ChannelId in) const;
  bool ends_now(ChannelId run) const;
  bool ports_are_free(ChannelId in, WireId out_wire) const;
  void begin_run(ChannelId in, std::uint64_t flits, bool to_tail);
  template <typename Action>
  void for_each_output(ChannelId in, Action action);
  void close_run(ChannelId in);
  void move_pointers(ChannelId in);
  void stop_run(ChannelId in);
  void finish_run(ChannelId in);
  [[gnu::noinline]] void finish_fork_run(ChannelId in);
  [[gnu::noinline]] void extend_run(ChannelId in);
  void limit_receiver(ChannelId out);
  void limit_sender(ChannelId in);
  void limit(ChannelId in, Cycle horizon);
  void run_horizon(ChannelId in);

  // adders.cpp
  bool is_adder(NodeId node) const { return node >= first_adder_; }
  void check_term(const PacketRequest& request) const;
  void expect_term(PacketId packet, ChannelId channel);
  void term_event(ChannelId channel);
  std::uint32_t flits_in(const Sum& sum, const Term& term, Cycle cycle);
  std::uint32_t flits_added(const Sum& sum, Cycle cycle);
  void start_sum(SumId id);
  bool is_added(const SourceQueue& queue);
  bool is_all_added(const SourceQueue& queue);
  void wait_for_term(const SourceQueue& queue);
  void check_absorbed(PacketId packet);
  void close_sum(PacketId packet);
  std::string describe_sums(std::size_t limit) const;

  // sources.cpp
  void step_sources();
  void step_source(NodeId node);
  bool offer(NodeId node, std::uint32_t network);
  bool pick_channel(NodeId node, std::uint32_t network);
  void send_from_source(NodeId node, std::uint32_t network);
  void finish_packet(NodeId node, SourceQueue& queue);
  bool is_only_queue(NodeId node, std::uint32_t network);
  void block_source(NodeId node);
  void try_source_run(NodeId node, std::uint32_t network);
  void stop_source_run(NodeId node);
  void source_event(NodeId node);
  void source_horizon(NodeId node);
  void assure_source(NodeId node, Cycle credit);
  void limit_source(NodeId node, Cycle horizon);
  std::uint64_t source_guarantee(NodeId node, Cycle cycle);
  void activate_source(NodeId node) {
    if (sources_[node].running == kNone)
      active_sources_[node / 64] |= std::uint64_t{1} << (node % 64);
  }
  SourceQueue& queue_of(NodeId node, std::uint32_t network) {
    return queues_[node * networks_ + network];
  }

  void activate(RouterId router) {
    active_routers_[router / 64] |= std::uint64_t{1} << (router % 64);
  }
  std::uint64_t bit(ChannelId channel) const { return std::uint64_t{1} << fabric_.vc_of(channel); }
  Channel& at(ChannelId channel) { return fabric_.channels[channel]; }
  Wire& wire_at(ChannelId channel) { return fabric_.wires[fabric_.wire_of(channel)]; }
  Passage passage(ChannelId in, ChannelId out) {
    return {in, out, at(in), at(out), wire_at(in), wire_at(out)};
  }
  std::uint32_t new_fork();
  void count_class(WireId wire, const Packet& packet) {
    if (class_flits_.empty()) return;
    class_flits_[wire * config_.traffic_classes + packet.traffic_class] += packet.flits;
  }

  const NetworkConfig config_;
  const Topology topology_;
  const Routing& routing_;
  const std::uint32_t networks_;
  const bool plain_;   ///< neither speculation nor held connections
  const bool simple_;  ///< plain, and iSLIP allocators
  const bool runs_;    ///< packets that hold the switch go flit by flit
  Fabric fabric_;
  TreeStore trees_;
  PacketPool packets_;
  EventWheel wheel_;
  Random random_;
  DeliveryObserver* observer_ = nullptr;

  Cycle now_ = 0;  ///< cycle being stepped, or last stepped
  Cycle last_progress_ = 0;
  Cycle next_check_ = kNever;  ///< of flits and credits
  bool sources_done_ = false;  ///< in this cycle
  std::vector<std::uint64_t> active_routers_;
  std::vector<std::uint64_t> active_sources_;
  std::vector<SourceQueue> queues_;  ///< node x virtual network
  std::vector<SourceState> sources_;
  std::vector<Fork> forks_;
  std::vector<std::uint32_t> free_forks_;
  const NodeId first_adder_;  ///< adders come after all other nodes
  ChannelId first_adder_channel_ = kNone;
  /// Channel to an adder: sums of the packets it was given to whose heads have not been read.
  std::vector<std::vector<SumId>> expected_;
  std::vector<SumId> made_by_;  ///< packet that an adder sends
  std::vector<Sum> sums_;
  std::vector<SumId> free_sums_;
  /// Input channel whose packet has its channel: the output port it wants, or kSeveralOutputs.
  std::vector<std::uint8_t> wanted_output_;
  std::vector<std::uint8_t> next_port_;   ///< router x node: output port, or kUnknownPort
  std::vector<Choice> more_choices_;      ///< adaptive: channel x kMoreChoices
  std::vector<std::uint64_t> class_vcs_;  ///< virtual network x (class 0, class 1, both)
  std::vector<std::uint8_t> vc_class_;    ///< by virtual channel
  std::vector<ChannelCounters> channel_counters_;
  std::vector<WireCounters> wire_counters_;
  std::vector<std::uint64_t> class_flits_;

  // Work lists of the cycle; members so that they keep their memory.
  std::vector<Event> due_;
  std::vector<HeadRequest> heads_;
  std::vector<HeadWin> wins_;
  std::vector<SwitchRequest> requests_;
  std::vector<Wish> wishes_;
  std::vector<ChannelId> merged_;  ///< wanted an output another channel of the same input requests
  std::vector<MatchRequest> matching_;
  std::vector<std::pair<NodeId, std::uint64_t>> injected_;
  std::vector<std::pair<NodeId, std::uint64_t>> arrived_;
};

}  // namespace tessera::noc

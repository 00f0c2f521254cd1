#include "tests/noc/naive_network.h"

#include <algorithm>

namespace tessera::noc {

namespace {

std::uint32_t distance(std::uint32_t index, std::uint32_t pointer, std::uint32_t size) {
  return (index + size - pointer % size) % size;
}

}  // namespace

NaiveNetwork::NaiveNetwork(const NetworkConfig& config, const Topology& topology,
                           const Routing& routing)
    : config_(config),
      topology_(topology),
      routing_(routing),
      random_(config.seed),
      vcs_(config.vcs()),
      routers_(topology.routers()),
      injection_(topology.nodes().size()),
      ejection_(topology.nodes().size()),
      link_wire_(topology.links().size()),
      queues_(topology.nodes().size()),
      last_network_(topology.nodes().size(), config.virtual_networks.size() - 1),
      link_flits_(topology.links().size()) {
  const auto add = [&](std::uint32_t latency) {
    Wire wire;
    wire.latency = latency;
    wire.out.resize(vcs_);
    for (auto& vc : wire.out) vc.credits = config_.vc_buffer_flits;
    wires_.push_back(wire);
    return static_cast<int>(wires_.size() - 1);
  };
  for (LinkId id = 0; id < topology.links().size(); ++id) {
    const Link& link = topology.links()[id];
    link_wire_[id] = add(link.latency_cycles);
    wires_.back().link = id;
    if (link.width_bytes != 0)
      wires_.back().interval = (config.flit_bytes + link.width_bytes - 1) / link.width_bytes;
  }
  for (NodeId node = 0; node < topology.nodes().size(); ++node) {
    injection_[node] = add(topology.nodes()[node].injection_latency_cycles);
    wires_.back().injection = true;
    wires_.back().node = node;
    ejection_[node] = add(topology.nodes()[node].ejection_latency_cycles);
    wires_.back().ejection = true;
    wires_.back().node = node;
    queues_[node].resize(config.virtual_networks.size());
    for (std::size_t n = 0; n < config.virtual_networks.size(); ++n)
      queues_[node][n].last_vc =
          config.virtual_networks[n].first_vc + config.virtual_networks[n].vcs - 1;
  }
  for (RouterId r = 0; r < topology.routers(); ++r) {
    const auto input = [&](int wire) {
      InPort port;
      port.wire = wire;
      port.vcs.resize(vcs_);
      routers_[r].inputs.push_back(port);
    };
    for (const LinkId id : topology.incoming(r)) input(link_wire_[id]);
    for (const NodeId node : topology.attached(r)) input(injection_[node]);
    for (const LinkId id : topology.outgoing(r)) routers_[r].outputs.push_back(link_wire_[id]);
    for (const NodeId node : topology.attached(r)) routers_[r].outputs.push_back(ejection_[node]);
  }
}

void NaiveNetwork::inject(Cycle now, const PacketRequest& request) {
  Packet packet{request.tag,
                request.source,
                request.flits,
                request.virtual_network,
                0,
                now,
                request.destinations.size(),
                request.destinations.size(),
                request.sum};
  if (routing_.coins() > 1)
    packet.coin = static_cast<std::uint8_t>(random_.below(routing_.coins()));
  packets_.push_back(packet);
  destinations_.emplace_back(request.destinations.begin(), request.destinations.end());
  std::sort(destinations_.back().begin(), destinations_.back().end());
  queues_[request.source][request.virtual_network].packets.push_back(
      static_cast<int>(packets_.size() - 1));
  ++under_way_;
}

SumId NaiveNetwork::open_sum(const SumRequest& request) {
  sums_.push_back({request, {}});
  return static_cast<SumId>(sums_.size() - 1);
}

// The sum is sent when every term has shown its head.
void NaiveNetwork::read_term(int id, bool tail, Cycle cycle) {
  const SumId number = packets_[id].sum;
  Sum& sum = sums_[number];
  sum.read[id].push_back(cycle);
  if (tail) --under_way_;
  if (sum.read[id].size() > 1 || sum.read.size() < sum.request.terms) return;
  const SumRequest& request = sum.request;
  packets_.push_back({request.tag, request.adder, request.flits, request.virtual_network, 0, cycle,
                      1, 1, request.into, number});
  destinations_.push_back({request.destination});
  queues_[request.adder][request.virtual_network].packets.push_back(
      static_cast<int>(packets_.size() - 1));
  ++under_way_;
}

bool NaiveNetwork::flit_is_added(const Packet& packet, std::uint32_t index, Cycle cycle) const {
  if (packet.made_by == kNoSum) return true;
  const auto& terms = sums_[packet.made_by].read;
  return std::all_of(terms.begin(), terms.end(), [&](const auto& term) {
    return term.second.size() > index && term.second[index] < cycle;
  });
}

void NaiveNetwork::step(Cycle cycle, PacketSink& sink) {
  receive(cycle, sink);
  inject_flits(cycle, sink);
  for (RouterId r = 0; r < routers_.size(); ++r) step_router(r, cycle);
  std::sort(arrivals_.begin(), arrivals_.end());
  for (const auto& [node, tag] : arrivals_) sink.packet_arrived(tag, node, cycle);
  arrivals_.clear();
}

void NaiveNetwork::receive(Cycle cycle, PacketSink&) {
  for (Wire& wire : wires_) {
    while (!wire.credits.empty() && wire.credits.front().at == cycle) {
      const Credit credit = wire.credits.front();
      wire.credits.pop_front();
      ++wire.out[credit.vc].credits;
      if (config_.wait_for_tail_credit && credit.tail) wire.out[credit.vc].busy = false;
    }
    if (!wire.ejection) continue;
    while (!wire.flits.empty() && wire.flits.front().at == cycle) {
      const Moving moving = wire.flits.front();
      wire.flits.pop_front();
      Packet& packet = packets_[moving.flit.packet];
      const bool tail = moving.flit.index + 1 == packet.flits;
      wire.credits.push_back({cycle + 1 + wire.latency + config_.credit_delay, moving.vc, tail});
      if (packet.sum != kNoSum) {
        read_term(moving.flit.packet, tail, cycle);
        continue;
      }
      if (!tail) continue;
      arrivals_.emplace_back(wire.node, packet.tag);
      if (--packet.outstanding == 0) --under_way_;
    }
  }
  for (RouterId r = 0; r < routers_.size(); ++r)
    for (InPort& port : routers_[r].inputs) {
      Wire& wire = wires_[port.wire];
      while (!wire.flits.empty() && wire.flits.front().at == cycle) {
        port.vcs[wire.flits.front().vc].buffer.push_back(wire.flits.front().flit);
        wire.flits.pop_front();
      }
    }
}

bool NaiveNetwork::source_can_send(NodeId node, std::size_t n, Cycle cycle) {
  Queue& queue = queues_[node][n];
  if (queue.packets.empty()) return false;
  const Packet& packet = packets_[queue.packets.front()];
  if (packet.created >= cycle) return false;
  Wire& wire = wires_[injection_[node]];
  if (queue.vc >= 0)
    return wire.out[queue.vc].credits > 0 && flit_is_added(packet, queue.sent, cycle);
  const auto& range = config_.virtual_networks[n];
  const std::uint32_t needed = packet.original_destinations > 1 ? packet.flits : 1;
  for (std::uint32_t i = 1; i <= range.vcs; ++i) {
    const std::uint32_t vc = range.first_vc + (queue.last_vc - range.first_vc + i) % range.vcs;
    if (wire.out[vc].busy || wire.out[vc].credits < needed) continue;
    queue.vc = static_cast<int>(vc);
    queue.last_vc = vc;
    queue.sent = 0;
    return true;
  }
  return false;
}

void NaiveNetwork::inject_flits(Cycle cycle, PacketSink& sink) {
  for (NodeId node = 0; node < queues_.size(); ++node) {
    const std::size_t networks = queues_[node].size();
    for (std::size_t i = 1; i <= networks; ++i) {
      const std::size_t n = (last_network_[node] + i) % networks;
      if (!source_can_send(node, n, cycle)) continue;
      last_network_[node] = n;
      Queue& queue = queues_[node][n];
      Wire& wire = wires_[injection_[node]];
      const int id = queue.packets.front();
      OutVc& out = wire.out[queue.vc];
      out.busy = true;
      --out.credits;
      wire.flits.push_back({cycle + wire.latency,
                            static_cast<std::uint32_t>(queue.vc),
                            {id, queue.sent, destinations_[id]}});
      if (++queue.sent == packets_[id].flits) {
        if (!config_.wait_for_tail_credit) out.busy = false;
        queue.vc = -1;
        queue.packets.pop_front();
        sink.packet_injected(packets_[id].tag, node, cycle);
      }
      break;
    }
  }
}

std::uint64_t NaiveNetwork::class_mask(std::uint8_t network, std::uint8_t vc_class) const {
  const auto& range = config_.virtual_networks[network];
  std::uint64_t mask = 0;
  for (std::uint32_t i = 0; i < range.vcs; ++i) {
    std::uint32_t own = 0;
    if (routing_.partition() == VcPartition::kHalves) own = i < range.vcs / 2 ? 0 : 1;
    if (routing_.partition() == VcPartition::kEscapeAndRest) own = i == 0 ? 0 : 1;
    if (vc_class == kAnyClass || own == vc_class) mask |= std::uint64_t{1} << (range.first_vc + i);
  }
  return mask;
}

void NaiveNetwork::route(RouterId r, int input, int vc) {
  InVc& in = routers_[r].inputs[input].vcs[vc];
  const Wire& wire = wires_[routers_[r].inputs[input].wire];
  const Flit& head = in.buffer.front();
  const Packet& packet = packets_[head.packet];
  in.packet = head.packet;
  RouteQuery query{r, kNoLink, kAnyClass, packet.source, 0, packet.coin};
  if (packet.original_destinations > 1) query.coin = 0;
  if (!wire.injection) {
    query.in_link = wire.link;
    query.in_class = (class_mask(packet.network, 0) >> vc & 1) != 0 ? 0 : 1;
  }
  in.choices.clear();
  in.branches.clear();
  for (const NodeId destination : head.destinations) {
    query.destination = destination;
    RouteCandidates candidates;
    routing_.route(query, candidates);
    for (const RouteCandidate& candidate : candidates) {
      const int target =
          candidate.link == kEject ? ejection_[destination] : link_wire_[candidate.link];
      const auto& outputs = routers_[r].outputs;
      const int port =
          static_cast<int>(std::find(outputs.begin(), outputs.end(), target) - outputs.begin());
      Branch branch{port, class_mask(packet.network, candidate.vc_class), -1, 0, {destination}};
      if (packet.original_destinations == 1) {
        in.choices.push_back(branch);
        continue;
      }
      const auto same = std::find_if(in.branches.begin(), in.branches.end(), [&](const Branch& b) {
        return b.output == port && b.vcs == branch.vcs;
      });
      if (same != in.branches.end())
        same->destinations.push_back(destination);
      else
        in.branches.push_back(branch);
      break;
    }
  }
}

std::vector<NaiveNetwork::HeadWant> NaiveNetwork::collect_heads(Router& router, Cycle cycle) {
  std::vector<HeadWant> wants;
  for (int i = 0; i < static_cast<int>(router.inputs.size()); ++i)
    for (int v = 0; v < static_cast<int>(vcs_); ++v) {
      InVc& in = router.inputs[i].vcs[v];
      if (in.state == State::kIdle || in.head_at > cycle) continue;
      const bool many = multicast(in);
      if (!many && in.state == State::kActive) continue;
      const auto& ways = many ? in.branches : in.choices;
      const std::uint32_t needed = many ? packets_[in.packet].flits : 0;
      for (int b = 0; b < static_cast<int>(ways.size()); ++b) {
        if (ways[b].vc >= 0) continue;
        const Wire& out = wires_[router.outputs[ways[b].output]];
        for (int w = 0; w < static_cast<int>(vcs_); ++w)
          if ((ways[b].vcs >> w & 1) != 0 && !out.out[w].busy &&
              out.out[w].credits >= (must_be_empty(in, out, w) ? config_.vc_buffer_flits : needed))
            wants.push_back({i, v, b, ways[b].output, w});
      }
    }
  return wants;
}

// With an escape class, unicast packets take the other channels of links only when they are empty.
bool NaiveNetwork::must_be_empty(const InVc& in, const Wire& out, int vc) const {
  if (!routing_.has_escape_class() || out.ejection || multicast(in)) return false;
  return (class_mask(packets_[in.packet].network, 0) >> vc & 1) == 0;
}

void NaiveNetwork::allocate_heads(Router& router, Cycle cycle, std::vector<HeadWant>& wants) {
  const auto inputs = static_cast<std::uint32_t>(router.inputs.size() * vcs_);
  const auto outputs = static_cast<std::uint32_t>(router.outputs.size() * vcs_);
  const auto in_index = [&](const HeadWant& w) {
    return static_cast<std::uint32_t>(w.input) * vcs_ + w.vc;
  };
  const auto out_index = [&](const HeadWant& w) {
    return static_cast<std::uint32_t>(w.output) * vcs_ + w.out_vc;
  };
  const auto in_vc = [&](const HeadWant& w) -> InVc& { return router.inputs[w.input].vcs[w.vc]; };
  const auto out_vc = [&](const HeadWant& w) -> OutVc& {
    return wires_[router.outputs[w.output]].out[w.out_vc];
  };
  const auto many = [&](const HeadWant& w) { return multicast(in_vc(w)); };
  const auto rivals_in = [&](const HeadWant& a, const HeadWant& b) {
    return in_index(a) == in_index(b) && (!many(a) || a.branch == b.branch);
  };
  if (config_.allocator == AllocatorKind::kWavefront) {
    const std::uint32_t n = std::max(inputs, outputs);
    for (std::uint32_t wave = 0; wave < n; ++wave)
      for (auto& want : wants) {
        if ((in_index(want) + out_index(want)) % n != (cycle + wave) % n) continue;
        want.matched = std::none_of(wants.begin(), wants.end(), [&](const HeadWant& other) {
          return other.matched &&
                 (in_index(other) == in_index(want) || out_index(other) == out_index(want));
        });
      }
    return;
  }
  const bool output_first = config_.allocator == AllocatorKind::kIslip;
  const auto in_turn = [&](const HeadWant& w) {
    return distance(in_index(w), out_vc(w).grant_pointer, inputs);
  };
  const auto out_turn = [&](const HeadWant& w) {
    return distance(out_index(w), in_vc(w).accept_pointer, outputs);
  };
  for (auto& want : wants) {
    want.granted = true;
    for (const auto& other : wants) {
      if (output_first && out_index(other) == out_index(want) && in_turn(other) < in_turn(want))
        want.granted = false;
      if (!output_first && rivals_in(other, want) && out_turn(other) < out_turn(want))
        want.granted = false;
    }
  }
  for (auto& want : wants) {
    want.matched = want.granted;
    for (const auto& other : wants) {
      if (!other.granted) continue;
      if (output_first && rivals_in(other, want) && out_turn(other) < out_turn(want))
        want.matched = false;
      if (!output_first && out_index(other) == out_index(want) && in_turn(other) < in_turn(want))
        want.matched = false;
    }
  }
  for (auto& want : wants) {
    if (!want.matched) continue;
    out_vc(want).grant_pointer = (in_index(want) + 1) % inputs;
    in_vc(want).accept_pointer = (out_index(want) + 1) % outputs;
  }
}

bool NaiveNetwork::flit_there(const InVc& in, const Branch& branch) const {
  const std::uint32_t position = branch.sent - in.freed;
  return position < in.buffer.size() && in.buffer[position].packet == in.packet &&
         in.buffer[position].index == branch.sent;
}

std::vector<NaiveNetwork::Want> NaiveNetwork::collect_switch(Router& router, Cycle cycle,
                                                             const std::vector<HeadWant>& heads) {
  std::vector<Want> wants;
  const auto blocked = [&](int input, int output) {
    if (router.inputs[input].held_vc >= 0) return true;
    if (wires_[router.outputs[output]].next_slot > cycle) return true;
    for (const InPort& port : router.inputs)
      if (port.held_vc >= 0 && port.vcs[port.held_vc].branches[0].output == output) return true;
    return false;
  };
  const auto offer = [&](Want want) {
    const std::uint32_t pointer = router.inputs[want.input].vc_pointer;
    for (Want& other : wants) {
      if (other.input != want.input || other.output != want.output) continue;
      const bool better =
          other.speculative != want.speculative
              ? other.speculative
              : distance(want.vc, pointer, vcs_) < distance(other.vc, pointer, vcs_);
      if (better) other = want;
      return;
    }
    wants.push_back(want);
  };
  for (int i = 0; i < static_cast<int>(router.inputs.size()); ++i)
    for (int v = 0; v < static_cast<int>(vcs_); ++v) {
      InVc& in = router.inputs[i].vcs[v];
      if (in.state == State::kIdle || in.buffer.empty()) continue;
      for (int b = 0; b < static_cast<int>(in.branches.size()); ++b) {
        const Branch& branch = in.branches[b];
        if (branch.vc < 0 || branch.sent == packets_[in.packet].flits) continue;
        if (!flit_there(in, branch) || blocked(i, branch.output)) continue;
        if (wires_[router.outputs[branch.output]].out[branch.vc].credits == 0) continue;
        offer({i, v, b, branch.output, false});
      }
    }
  if (!config_.speculative) return wants;
  for (const HeadWant& head : heads) {
    const InVc& in = router.inputs[head.input].vcs[head.vc];
    if (multicast(in) || blocked(head.input, head.output)) continue;
    if (wires_[router.outputs[head.output]].out[head.out_vc].credits == 0) continue;
    offer({head.input, head.vc, 0, head.output, true});
  }
  return wants;
}

void NaiveNetwork::allocate_switch(Router& router, Cycle cycle, std::vector<Want>& wants) {
  const auto inputs = static_cast<std::uint32_t>(router.inputs.size());
  const auto outputs = static_cast<std::uint32_t>(router.outputs.size());
  if (config_.allocator == AllocatorKind::kWavefront) {
    const std::uint32_t n = std::max(inputs, outputs);
    for (std::uint32_t wave = 0; wave < n; ++wave)
      for (auto& want : wants) {
        if (static_cast<std::uint32_t>(want.input + want.output) % n != (cycle + wave) % n)
          continue;
        want.matched = std::none_of(wants.begin(), wants.end(), [&](const Want& other) {
          return other.matched && (other.input == want.input || other.output == want.output);
        });
      }
    return;
  }
  const bool output_first = config_.allocator == AllocatorKind::kIslip;
  const auto in_turn = [&](const Want& w) {
    return distance(w.input, wires_[router.outputs[w.output]].grant_pointer, inputs);
  };
  const auto out_turn = [&](const Want& w) {
    return distance(w.output, router.inputs[w.input].accept_pointer, outputs);
  };
  for (auto& want : wants) {
    want.granted = true;
    for (const auto& other : wants) {
      if (output_first && other.output == want.output && in_turn(other) < in_turn(want))
        want.granted = false;
      if (!output_first && other.input == want.input && out_turn(other) < out_turn(want))
        want.granted = false;
    }
  }
  for (auto& want : wants) {
    want.matched = want.granted;
    for (const auto& other : wants) {
      if (!other.granted) continue;
      if (output_first && other.input == want.input && out_turn(other) < out_turn(want))
        want.matched = false;
      if (!output_first && other.output == want.output && in_turn(other) < in_turn(want))
        want.matched = false;
    }
  }
  for (const auto& want : wants) {
    if (!want.matched) continue;
    router.inputs[want.input].accept_pointer = (want.output + 1) % outputs;
    wires_[router.outputs[want.output]].grant_pointer = (want.input + 1) % inputs;
  }
  // The flit that is read for the chosen branch reaches every branch that has a grant for the same
  // flit; the pointer moves past the last of them in turn.
  for (int input = 0; input < static_cast<int>(inputs); ++input) {
    const auto chosen = std::find_if(wants.begin(), wants.end(), [&](const Want& w) {
      return w.matched && !w.speculative && w.input == input;
    });
    if (chosen == wants.end()) continue;
    const int vc = chosen->vc;
    const InVc& in = router.inputs[input].vcs[vc];
    if (!multicast(in)) continue;
    const std::uint32_t flit = in.branches[chosen->branch].sent;
    std::uint32_t& pointer = router.inputs[input].accept_pointer;
    const std::uint32_t start = pointer;
    for (std::uint32_t step = 0; step < outputs; ++step)
      for (auto& want : wants) {
        if (want.output != static_cast<int>((start + step) % outputs)) continue;
        if (want.input != input || want.vc != vc || !want.granted || want.matched) continue;
        if (in.branches[want.branch].sent != flit) continue;
        want.matched = true;
        wires_[router.outputs[want.output]].grant_pointer = (want.input + 1) % inputs;
        pointer = (want.output + 1) % outputs;
      }
  }
}

void NaiveNetwork::become_active(Router& router, const HeadWant& want) {
  InVc& in = router.inputs[want.input].vcs[want.vc];
  wires_[router.outputs[want.output]].out[want.out_vc].busy = true;
  in.state = State::kActive;
  if (!multicast(in)) in.branches.assign(1, in.choices[want.branch]);
  Branch& branch = in.branches[multicast(in) ? want.branch : 0];
  branch.vc = want.out_vc;
}

void NaiveNetwork::send(RouterId r, int input, int vc, int b, Cycle cycle) {
  InVc& in = routers_[r].inputs[input].vcs[vc];
  Branch& branch = in.branches[b];
  Wire& out = wires_[routers_[r].outputs[branch.output]];
  Flit flit = in.buffer[branch.sent - in.freed];
  flit.destinations = branch.destinations;
  const bool tail = flit.index + 1 == packets_[flit.packet].flits;
  // Switch traversal in the next cycle, then the wire; latched one cycle after its latency.
  const std::uint32_t serial = out.ejection ? 0 : out.interval - 1;
  out.flits.push_back(
      {cycle + 1 + out.latency + 1 + serial, static_cast<std::uint32_t>(branch.vc), flit});
  out.next_slot = cycle + (out.ejection ? 1 : out.interval);
  if (out.link != kNoLink) ++link_flits_[out.link];
  --out.out[branch.vc].credits;
  if (tail && !config_.wait_for_tail_credit) out.out[branch.vc].busy = false;
  ++branch.sent;
}

void NaiveNetwork::free_flits(Router& router, int input, int vc, Cycle cycle) {
  InVc& in = router.inputs[input].vcs[vc];
  if (in.state != State::kActive || in.buffer.empty()) return;
  Wire& wire = wires_[router.inputs[input].wire];
  std::uint32_t slowest = packets_[in.packet].flits;
  for (const Branch& branch : in.branches) slowest = std::min(slowest, branch.sent);
  while (in.freed < slowest) {
    const bool tail = in.freed + 1 == packets_[in.packet].flits;
    const Cycle back = wire.injection ? wire.latency + 2 : wire.latency + 1 + config_.credit_delay;
    wire.credits.push_back({cycle + back, static_cast<std::uint32_t>(vc), tail});
    in.buffer.pop_front();
    ++in.freed;
    if (!tail) continue;
    in.state = State::kIdle;
    in.freed = 0;
    in.branches.clear();
    break;
  }
}

void NaiveNetwork::step_router(RouterId r, Cycle cycle) {
  Router& router = routers_[r];
  for (int i = 0; i < static_cast<int>(router.inputs.size()); ++i)
    for (int v = 0; v < static_cast<int>(vcs_); ++v) {
      InVc& in = router.inputs[i].vcs[v];
      if (in.state != State::kIdle || in.buffer.empty()) continue;
      in.state = State::kHead;
      in.head_at = cycle + config_.routing_delay;
      route(r, i, v);
    }
  auto heads = collect_heads(router, cycle);
  auto wants = collect_switch(router, cycle, heads);
  allocate_heads(router, cycle, heads);
  allocate_switch(router, cycle, wants);

  struct Held {
    int input, vc;
  };
  std::vector<Held> held;
  for (int i = 0; i < static_cast<int>(router.inputs.size()); ++i)
    if (router.inputs[i].held_vc >= 0) {
      held.push_back({i, router.inputs[i].held_vc});
      router.inputs[i].held_vc = -1;
    }
  const auto keep_hold = [&](int input, int vc) {
    const InVc& in = router.inputs[input].vcs[vc];
    if (config_.hold_switch_for_packet && in.state == State::kActive && !in.buffer.empty() &&
        in.branches[0].sent > 0)
      router.inputs[input].held_vc = vc;
  };
  for (const Held& h : held) {
    const Branch& branch = router.inputs[h.input].vcs[h.vc].branches[0];
    if (wires_[router.outputs[branch.output]].out[branch.vc].credits == 0) continue;
    send(r, h.input, h.vc, 0, cycle);
    free_flits(router, h.input, h.vc, cycle);
    keep_hold(h.input, h.vc);
  }
  for (Want& want : wants) {
    if (!want.matched) continue;
    router.inputs[want.input].vc_pointer = (want.vc + 1) % vcs_;
    if (want.speculative) {
      const auto won = std::find_if(heads.begin(), heads.end(), [&](const HeadWant& head) {
        return head.matched && head.input == want.input && head.vc == want.vc;
      });
      if (won == heads.end() || won->output != want.output ||
          wires_[router.outputs[won->output]].out[won->out_vc].credits == 0) {
        want.matched = false;
        continue;
      }
      become_active(router, *won);
      won->matched = false;
    }
    send(r, want.input, want.vc, want.branch, cycle);
  }
  for (const Want& want : wants) {
    if (!want.matched) continue;
    free_flits(router, want.input, want.vc, cycle);
    keep_hold(want.input, want.vc);
  }
  for (const HeadWant& head : heads)
    if (head.matched) become_active(router, head);
}

}  // namespace tessera::noc

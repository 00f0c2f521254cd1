// The SystemC shell of a DRAM channel.
#pragma once

#include <deque>
#include <systemc>

#include "hw_models/dram/channel.h"

namespace tessera::dram {

/// Gives a Channel its own clock: cycle k of the channel is the instant k * tCK. The module sleeps
/// until the channel has to be visited, so an idle channel costs nothing and does not keep the
/// simulation alive. In front of the controller's buffers stands a small input queue: a request
/// pushed at any instant of cycle k, its edge included, is offered from cycle k + 1 on, one per
/// cycle and in order, which makes the result independent of the order of processes within an
/// instant.
class ChannelModule final : public sc_core::sc_module {
 public:
  /// `sink` hears of a burst when its column command goes out; it must outlive the module.
  ChannelModule(const sc_core::sc_module_name& name, const ChannelConfig& config,
                CompletionSink& sink, std::size_t input_depth = 2);

  bool has_room() const { return input_.size() < input_depth_; }
  /// Precondition: has_room. The address is a byte address inside the channel.
  void push(const Request& request);
  /// Notified one delta cycle after a request left the input queue.
  const sc_core::sc_event& ev_room() const { return ev_room_; }

  /// Last cycle whose edge has come, the present instant included.
  DramCycle current_cycle() const;
  sc_core::sc_time time_of(DramCycle cycle) const { return clock_ * static_cast<double>(cycle); }
  const Channel& channel() const { return channel_; }
  /// See Channel::finish; `now` is the present instant.
  void finish() { channel_.finish(current_cycle() + 1); }
  void set_listener(CommandListener* listener) { channel_.set_listener(listener); }

 private:
  struct Waiting {
    Request request;
    DramCycle earliest;
  };

  void step();
  void schedule(DramCycle earliest);

  Channel channel_;
  CompletionSink& sink_;
  std::size_t input_depth_;
  sc_core::sc_time clock_;
  std::deque<Waiting> input_;
  sc_core::sc_event ev_step_;
  sc_core::sc_event ev_room_;
};

}  // namespace tessera::dram

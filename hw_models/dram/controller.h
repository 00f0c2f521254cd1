// The family of scheduling policies: what every controller answers to the channel.
#pragma once

#include "hw_models/dram/command.h"
#include "hw_models/dram/command_port.h"
#include "hw_models/dram/pending_queue.h"

namespace tessera::dram {

/// Told of every burst at the cycle its column command goes out.
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  /// `data_end` is the cycle after the last data beat, in the future.
  virtual void completed(std::uint64_t id, bool is_write, DramCycle data_end) = 0;
};

/// A memory controller's scheduler. It decides from its state alone what to send in a cycle, so
/// cycles before `next_event` can be skipped without changing anything.
class Controller {
 public:
  virtual ~Controller() = default;

  virtual bool can_accept(bool is_write) const = 0;
  /// Comes before the visit of the same cycle.
  virtual void accept(DramCycle now, const PendingRequest& request) = 0;
  /// The work of cycle `now`. Visiting a cycle in which nothing can happen is harmless.
  virtual void visit(DramCycle now, CompletionSink& sink) = 0;
  /// Earliest cycle from `from` on in which a visit can do something, refresh included, should no
  /// request arrive before.
  virtual DramCycle next_event(DramCycle from) const = 0;
  /// No request waits for its column command.
  virtual bool idle() const = 0;

  virtual const CommandPort& port() const = 0;
  virtual CommandPort& port() = 0;
};

}  // namespace tessera::dram

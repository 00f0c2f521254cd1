#include "hw_models/dram/channel.h"

#include "hw_models/dram/bank_queue_controller.h"
#include "hw_models/dram/open_list_controller.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::dram {

namespace {

struct PolicyName {
  const char* name;
  Policy policy;
};

constexpr PolicyName kPolicies[] = {{"default", Policy::kDefault},
                                    {"r", Policy::kRamulator},
                                    {"r-rowhit", Policy::kRamulatorRowHit},
                                    {"d", Policy::kDramsim},
                                    {"d-unified", Policy::kDramsimUnified}};

std::unique_ptr<Controller> make_controller(const ChannelConfig& config) {
  switch (config.policy) {
    case Policy::kRamulator:
    case Policy::kRamulatorRowHit:
      return std::make_unique<OpenListController>(
          config.device,
          OpenListOptions{.row_hit_guard = config.policy == Policy::kRamulatorRowHit});
    case Policy::kDramsim:
    case Policy::kDramsimUnified:
      return std::make_unique<BankQueueController>(
          config.device, BankQueueOptions{.unified = config.policy == Policy::kDramsimUnified});
    case Policy::kDefault:
      break;
  }
  return std::make_unique<FrFcfsController>(config.device, config.fr_fcfs);
}

/// Refreshing an idle channel completes nothing.
class NoCompletions final : public CompletionSink {
 public:
  void completed(std::uint64_t id, bool, DramCycle data_end) override {
    throw InvariantViolation("dram channel", data_end, "request ", id, " completed while idle");
  }
};

}  // namespace

Policy policy_from_name(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& entry : kPolicies) {
    if (name == entry.name) return entry.policy;
    known.push_back(entry.name);
  }
  throw UserError("DRAM policy '", name, "': no such policy; ", suggest(name, known));
}

std::string policy_name(Policy policy) {
  for (const auto& entry : kPolicies)
    if (policy == entry.policy) return entry.name;
  return "";
}

Channel::Channel(const ChannelConfig& config)
    : config_(config),
      mapping_(config.device.geometry, config.mapping),
      controller_(make_controller(config)) {}

void Channel::accept(DramCycle now, const Request& request) {
  if (!mapping_.covers(request.address))
    throw InvariantViolation("dram channel", now, "address ", request.address, " is beyond its ",
                             mapping_.capacity_bytes(), " bytes");
  const bool was_idle = idle();
  if (was_idle) catch_up(now);
  PendingRequest pending{.id = request.id,
                         .age = next_age_++,
                         .at = mapping_.locate(request.address),
                         .is_write = request.is_write,
                         .accepted = now};
  controller_->port().statistics().accepted(now, pending, was_idle);
  controller_->accept(now, pending);
  unvisited_ = now;
  next_event_known_ = false;
}

DramCycle Channel::next_visit() const {
  if (idle()) return kNever;
  if (!next_event_known_) {
    next_event_ = controller_->next_event(unvisited_);
    next_event_known_ = true;
  }
  return next_event_;
}

void Channel::visit(DramCycle now, CompletionSink& sink) {
  controller_->visit(now, sink);
  unvisited_ = now + 1;
  next_event_known_ = false;
}

void Channel::finish(DramCycle end) {
  if (!idle()) throw InvariantViolation("dram channel", end, "finished while requests wait");
  catch_up(end);
}

void Channel::catch_up(DramCycle now) {
  NoCompletions sink;
  for (DramCycle next = controller_->next_event(unvisited_); next < now;
       next = controller_->next_event(unvisited_))
    visit(next, sink);
}

}  // namespace tessera::dram

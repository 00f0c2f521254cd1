#include "tests/hw_models/dram/oracle.h"

#include <algorithm>
#include <functional>

namespace tessera::dram::oracle {

namespace {

using enum CommandKind;

bool is_column(CommandKind kind) { return kind == kRead || kind == kWrite; }

std::uint32_t length(const TimingRules& r, CommandKind kind) {
  if (kind == kActivate) return r.act_length;
  if (kind == kPrecharge || kind == kPrechargeAll) return r.pre_length;
  return is_column(kind) ? r.column_length : r.refresh_length;
}

/// The gap `next` has to keep from `prev`, 0 when the two do not constrain each other.
std::uint32_t gap(const TimingRules& r, const IssuedCommand& prev, const IssuedCommand& next) {
  const bool rank = prev.rank == next.rank;
  const bool group = rank && prev.bank_group == next.bank_group;
  const bool bank = group && prev.bank == next.bank;
  std::uint32_t g = 0;
  const auto rule = [&](bool applies, CommandKind p, CommandKind n, std::uint32_t value) {
    if (applies && prev.kind == p && next.kind == n) g = std::max(g, value);
  };
  rule(bank, kActivate, kActivate, r.act_act_bank);
  rule(group, kActivate, kActivate, r.act_act_group);
  rule(rank, kActivate, kActivate, r.act_act_rank);
  rule(bank, kActivate, kRead, r.act_read);
  rule(bank, kActivate, kWrite, r.act_write);
  rule(bank, kActivate, kPrecharge, r.act_pre);
  rule(rank, kActivate, kPrechargeAll, r.act_prea);
  rule(rank, kActivate, kRefresh, r.act_ref);
  rule(bank, kActivate, kRefreshBank, r.act_refpb_bank);
  rule(rank, kActivate, kRefreshBank, r.act_refpb_rank);
  rule(bank, kPrecharge, kActivate, r.pre_act);
  rule(rank, kPrecharge, kRefresh, r.pre_ref);
  rule(bank, kPrecharge, kRefreshBank, r.pre_refpb);
  rule(rank, kPrecharge, kPrecharge, r.pre_pre_rank);
  rule(rank, kPrecharge, kPrechargeAll, r.pre_pre_rank);
  rule(rank, kPrechargeAll, kActivate, r.prea_act);
  rule(rank, kPrechargeAll, kRefresh, r.prea_ref);
  rule(rank, kPrechargeAll, kRefreshBank, r.prea_ref);
  rule(bank, kRead, kPrecharge, r.read_pre);
  rule(rank, kRead, kPrechargeAll, r.read_prea);
  rule(group, kRead, kRead, r.read_read_group);
  rule(rank, kRead, kRead, r.read_read_rank);
  rule(!rank, kRead, kRead, r.read_read_other_rank);
  rule(rank, kRead, kWrite, r.read_write_rank);
  rule(!rank, kRead, kWrite, r.read_write_other_rank);
  rule(bank, kWrite, kPrecharge, r.write_pre);
  rule(rank, kWrite, kPrechargeAll, r.write_prea);
  rule(group, kWrite, kWrite, r.write_write_group);
  rule(rank, kWrite, kWrite, r.write_write_rank);
  rule(!rank, kWrite, kWrite, r.write_write_other_rank);
  rule(group, kWrite, kRead, r.write_read_group);
  rule(rank, kWrite, kRead, r.write_read_rank);
  rule(!rank, kWrite, kRead, r.write_read_other_rank);
  rule(rank, kRefresh, kActivate, r.ref_act);
  rule(rank, kRefresh, kPrechargeAll, r.ref_act);
  rule(rank, kRefresh, kRefresh, r.ref_ref);
  rule(rank, kRefresh, kRefreshBank, r.ref_ref);
  rule(bank, kRefreshBank, kActivate, r.refpb_act_bank);
  rule(rank, kRefreshBank, kActivate, r.refpb_act_rank);
  rule(bank, kRefreshBank, kRefreshBank, r.refpb_refpb_bank);
  rule(rank, kRefreshBank, kRefreshBank, r.refpb_refpb_rank);
  rule(rank, kRefreshBank, kPrechargeAll, r.refpb_prea);
  rule(rank, kRefreshBank, kRefresh, r.refpb_refpb_bank);
  return g;
}

/// No gap of any device is longer; older commands need not be looked at.
constexpr DramCycle kHorizon = 1000;

}  // namespace

bool Devices::legal(const IssuedCommand& command) const {
  const TimingRules& r = device_.rules;
  int activations = 0;
  for (auto prev = log_.rbegin(); prev != log_.rend(); ++prev) {
    if (prev->cycle + kHorizon < command.cycle) break;
    if (command.cycle < prev->cycle + gap(r, *prev, command)) return false;
    const bool one_bus =
        !device_.geometry.separate_column_bus || is_column(prev->kind) == is_column(command.kind);
    if (one_bus && command.cycle < prev->cycle + length(r, prev->kind)) return false;
    if (command.kind == kActivate && prev->kind == kActivate && prev->rank == command.rank &&
        ++activations == 4 && command.cycle < prev->cycle + r.four_activate_window)
      return false;
  }
  return true;
}

void Devices::issue(const IssuedCommand& command) {
  log_.push_back(command);
  const Geometry& g = device_.geometry;
  if (command.kind == kPrechargeAll) {
    for (std::uint32_t bank = 0; bank < open_.size(); ++bank)
      if (rank_of(bank) == static_cast<std::uint32_t>(command.rank)) open_[bank] = -1;
  } else if (command.kind == kActivate || command.kind == kPrecharge) {
    const auto bank = static_cast<std::uint32_t>(
        (command.rank * static_cast<int>(g.bank_groups) + command.bank_group) *
            static_cast<int>(g.banks_per_group) +
        command.bank);
    open_[bank] = command.kind == kActivate ? command.row : -1;
  }
}

bool Devices::any_open(std::uint32_t rank) const {
  for (std::uint32_t bank = 0; bank < open_.size(); ++bank)
    if (rank_of(bank) == rank && open_[bank] >= 0) return true;
  return false;
}

IssuedCommand Devices::on_bank(CommandKind kind, std::uint32_t bank) const {
  const Geometry& g = device_.geometry;
  const std::uint32_t in_rank = bank % g.banks_per_rank();
  return {0, kind, static_cast<std::int32_t>(rank_of(bank)),
          static_cast<std::int32_t>(in_rank / g.banks_per_group),
          static_cast<std::int32_t>(in_rank % g.banks_per_group)};
}

bool Policy::send(DramCycle now, IssuedCommand command) {
  command.cycle = now;
  if (!devices_.legal(command)) return false;
  devices_.issue(command);
  return true;
}

bool Policy::send(DramCycle now, CommandKind kind, const Location& at) {
  return send(
      now, {now, kind, static_cast<std::int32_t>(at.rank), static_cast<std::int32_t>(at.bank_group),
            static_cast<std::int32_t>(at.bank), at.row, at.column});
}

namespace {

using List = std::vector<Waiting>;

CommandKind next_command(const Devices& devices, const Waiting& request) {
  const std::int64_t open = devices.open_row(request.at.bank_index);
  if (open < 0) return kActivate;
  if (open != request.at.row) return kPrecharge;
  return request.is_write ? kWrite : kRead;
}

/// Policy R, word for word: opened list, refresh, then one of the buffers.
class Ramulator final : public Policy {
 public:
  Ramulator(const Device& device, bool guard)
      : Policy(device), guard_(guard), owed_(device.geometry.ranks) {}

  bool room(bool is_write) const override { return buffer_[is_write].size() < 32; }
  void accept(DramCycle, const Waiting& request) override {
    buffer_[request.is_write].push_back(request);
  }
  bool drained() const override {
    return buffer_[0].empty() && buffer_[1].empty() && opened_.empty();
  }

  void tick(DramCycle now) override {
    const Device& d = devices_.device();
    const DramCycle interval = d.timing.refi;
    for (std::uint32_t rank = 0; rank < owed_.size(); ++rank) {
      const DramCycle first = interval - 1 + rank * interval / owed_.size();
      if (now >= first && (now - first) % interval == 0) ++owed_[rank];
    }
    if (d.geometry.separate_column_bus) {
      if (!opened(now)) buffered(now, false, true);
      if (!refresh(now)) buffered(now, true, false);
    } else if (!opened(now) && !refresh(now)) {
      buffered(now, true, true);
    }
  }

 private:
  bool opened(DramCycle now) {
    std::sort(opened_.begin(), opened_.end(),
              [](const Waiting& a, const Waiting& b) { return a.age < b.age; });
    for (auto it = opened_.begin(); it != opened_.end(); ++it) {
      if (!send(now, it->is_write ? kWrite : kRead, it->at)) continue;
      opened_.erase(it);
      return true;
    }
    return false;
  }

  bool refresh(DramCycle now) {
    for (std::uint32_t rank = 0; rank < owed_.size(); ++rank) {
      if (owed_[rank] == 0 || protects_rank(rank)) continue;
      const IssuedCommand command{now, devices_.any_open(rank) ? kPrechargeAll : kRefresh,
                                  static_cast<std::int32_t>(rank)};
      if (!send(now, command)) continue;
      if (command.kind == kRefresh) --owed_[rank];
      return true;
    }
    return false;
  }

  bool buffered(DramCycle now, bool rows, bool columns) {
    if (std::all_of(owed_.begin(), owed_.end(), [](auto owed) { return owed > 0; })) return false;
    const double writes = static_cast<double>(buffer_[1].size());
    const bool no_reads = buffer_[0].empty();
    if (!mode_)
      mode_ = writes > 0.8 * 32 || no_reads;
    else if (writes < 0.2 * 32 && !no_reads)
      mode_ = false;
    List& list = buffer_[mode_];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Waiting request = list[i];
      const CommandKind kind = next_command(devices_, request);
      if (owed_[request.at.rank] > 0 || !(is_column(kind) ? columns : rows)) continue;
      if (kind == kPrecharge && !may_close(list, i)) continue;
      if (!send(now, kind, request.at)) continue;
      if (kind == kActivate) opened_.push_back(request);
      if (kind != kPrecharge) list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  bool protects_rank(std::uint32_t rank) const {
    return std::any_of(opened_.begin(), opened_.end(),
                       [&](const Waiting& w) { return w.at.rank == rank; });
  }
  bool may_close(const List& list, std::size_t index) const {
    const std::uint32_t bank = list[index].at.bank_index;
    for (const Waiting& w : opened_)
      if (w.at.bank_index == bank) return false;
    if (!guard_) return true;
    for (std::size_t i = 0; i < index; ++i)
      if (list[i].at.bank_index == bank && is_column(next_command(devices_, list[i]))) return false;
    return true;
  }

  bool guard_;
  List buffer_[2];
  List opened_;
  std::vector<std::uint64_t> owed_;
  bool mode_ = false;
};

/// Policy D, word for word: per-bank queues served round robin.
class Dramsim final : public Policy {
 public:
  Dramsim(const Device& device, bool unified)
      : Policy(device),
        unified_(unified),
        queue_(device.geometry.banks()),
        hits_(device.geometry.banks()),
        last_(device.geometry.banks() - 1) {}

  bool room(bool is_write) const override { return transactions(is_write).size() < 32; }
  void accept(DramCycle, const Waiting& request) override {
    buffer_[request.is_write && !unified_].push_back(request);
  }
  bool drained() const override {
    return buffer_[0].empty() && draining_ == 0 && buffer_[1].size() <= 8 && queues_empty();
  }

  void tick(DramCycle now) override {
    const Device& d = devices_.device();
    const DramCycle interval = d.timing.refi;
    for (std::uint32_t rank = 0; rank < d.geometry.ranks; ++rank) {
      const DramCycle first = interval + rank * interval / d.geometry.ranks;
      if (now >= first && (now - first) % interval == 0) waiting_refresh_.push_back(rank);
    }
    if (!refresh(now)) issue(now);
    move();
  }

 private:
  struct Pick {
    CommandKind kind;
    std::uint32_t bank;
    std::size_t index;
  };

  const List& transactions(bool is_write) const { return buffer_[is_write && !unified_]; }
  bool queues_empty() const {
    return std::all_of(queue_.begin(), queue_.end(), [](const List& q) { return q.empty(); });
  }

  bool refresh(DramCycle now) {
    if (waiting_refresh_.empty()) return false;
    const std::uint32_t rank = waiting_refresh_.front();
    for (std::uint32_t bank = 0; bank < devices_.banks(); ++bank) {
      if (devices_.rank_of(bank) != rank || devices_.open_row(bank) < 0) continue;
      if (send(now, devices_.on_bank(kPrecharge, bank))) return true;
    }
    if (devices_.any_open(rank) || !send(now, {now, kRefresh, static_cast<std::int32_t>(rank)}))
      return false;
    waiting_refresh_.erase(waiting_refresh_.begin());
    return true;
  }

  /// Looks at the devices as they are, before the other command of this cycle takes a bus.
  bool pick(DramCycle now, const IssuedCommand* first, Pick& out) {
    for (std::uint32_t step = 1; step <= queue_.size(); ++step) {
      const auto bank = static_cast<std::uint32_t>((last_ + step) % queue_.size());
      if (!waiting_refresh_.empty() && devices_.rank_of(bank) == waiting_refresh_.front()) continue;
      for (std::size_t i = 0; i < queue_[bank].size(); ++i) {
        const Waiting& request = queue_[bank][i];
        const CommandKind kind = next_command(devices_, request);
        if (kind == kPrecharge && (i != 0 || !may_close(bank))) continue;
        if (!ready(now, kind, request.at, first)) continue;
        last_ = bank;
        out = {kind, bank, i};
        return true;
      }
    }
    return false;
  }

  bool ready(DramCycle now, CommandKind kind, const Location& at, const IssuedCommand* first) {
    IssuedCommand c{now,
                    kind,
                    static_cast<std::int32_t>(at.rank),
                    static_cast<std::int32_t>(at.bank_group),
                    static_cast<std::int32_t>(at.bank),
                    at.row,
                    at.column};
    if (first == nullptr || is_column(first->kind) != is_column(kind)) return devices_.legal(c);
    // Same class as the first: only the bus would forbid it, so judge by all gaps but the bus.
    if (gap(devices_.device().rules, *first, c) > 0) return false;
    return devices_before_.legal(c);
  }

  void issue(DramCycle now) {
    Pick first{}, second{};
    devices_before_ = devices_;
    if (!pick(now, nullptr, first)) return;
    perform(now, first);
    if (!devices_.device().geometry.separate_column_bus) return;
    const IssuedCommand sent = devices_.log().back();
    if (pick(now, &sent, second) && is_column(second.kind) != is_column(first.kind))
      perform(now, second);
  }

  void perform(DramCycle now, const Pick& pick) {
    List& queue = queue_[pick.bank];
    send(now, pick.kind, queue[pick.index].at);
    if (is_column(pick.kind)) {
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(pick.index));
      ++hits_[pick.bank];
    } else {
      hits_[pick.bank] = 0;
    }
  }

  bool may_close(std::uint32_t bank) const {
    const bool any_hit =
        std::any_of(queue_[bank].begin(), queue_[bank].end(),
                    [&](const Waiting& w) { return is_column(next_command(devices_, w)); });
    return !any_hit || hits_[bank] >= 4;
  }

  void move() {
    if (!unified_ && draining_ == 0 &&
        (buffer_[1].size() >= 32 || (buffer_[1].size() > 8 && queues_empty())))
      draining_ = buffer_[1].size();
    List& list = buffer_[draining_ > 0 ? 1 : 0];
    for (auto it = list.begin(); it != list.end(); ++it) {
      if (queue_[it->at.bank_index].size() >= 8) continue;
      queue_[it->at.bank_index].push_back(*it);
      list.erase(it);
      if (draining_ > 0) --draining_;
      return;
    }
  }

  bool unified_;
  List buffer_[2];
  std::vector<List> queue_;
  std::vector<std::uint32_t> hits_;
  std::uint32_t last_;
  std::size_t draining_ = 0;
  std::vector<std::uint32_t> waiting_refresh_;
  Devices devices_before_ = devices_;
};

}  // namespace

std::unique_ptr<Policy> make_default_policy(const ChannelConfig& config);

std::unique_ptr<Policy> make_policy(const ChannelConfig& config) {
  using P = dram::Policy;
  switch (config.policy) {
    case P::kRamulator:
    case P::kRamulatorRowHit:
      return std::make_unique<Ramulator>(config.device, config.policy == P::kRamulatorRowHit);
    case P::kDramsim:
    case P::kDramsimUnified:
      return std::make_unique<Dramsim>(config.device, config.policy == P::kDramsimUnified);
    case P::kDefault:
      break;
  }
  return make_default_policy(config);
}

std::vector<IssuedCommand> run(const ChannelConfig& config,
                               const std::vector<TraceRequest>& requests, DramCycle limit) {
  const AddressMapping mapping(config.device.geometry, config.mapping);
  const auto policy = make_policy(config);
  std::size_t next = 0;
  for (DramCycle now = 0; now < limit; ++now) {
    if (next < requests.size() && requests[next].arrive <= now &&
        policy->room(requests[next].is_write)) {
      policy->accept(now,
                     {next, now, requests[next].is_write, mapping.locate(requests[next].address)});
      ++next;
    }
    policy->tick(now);
    if (next == requests.size() && policy->drained()) break;
  }
  return policy->devices().log();
}

}  // namespace tessera::dram::oracle

// Earliest cycle of every command, kept up to date as commands go out.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "hw_models/dram/command.h"
#include "hw_models/dram/device.h"

namespace tessera::dram {

/// The timing state of the banks, bank groups and ranks of one channel: what a controller must know
/// of the devices' datasheet to place a command. Stands for the devices, which have no choice of
/// their own; leaves out power-down, self-refresh and calibration.
class BankTimers {
 public:
  static constexpr std::int64_t kNoRow = -1;

  explicit BankTimers(const Device& device);

  std::uint32_t banks() const { return static_cast<std::uint32_t>(banks_.size()); }
  std::uint32_t ranks() const { return static_cast<std::uint32_t>(ranks_.size()); }
  std::uint32_t rank_of(std::uint32_t bank) const { return banks_[bank].rank; }

  std::int64_t open_row(std::uint32_t bank) const { return banks_[bank].open_row; }
  bool is_open(std::uint32_t bank) const { return banks_[bank].open_row != kNoRow; }
  /// One bit per bank of the channel.
  std::uint64_t open_banks() const { return open_banks_; }
  std::uint64_t banks_of_rank(std::uint32_t rank) const { return ranks_[rank].bank_mask; }

  /// Banks whose rank takes no ACT (no column command) at `now`, whatever their own state.
  std::uint64_t activation_held_back(DramCycle now) const {
    std::uint64_t held = 0;
    for (const Rank& r : ranks_)
      if (std::max(r.activate, r.activations[r.next_activation]) > now) held |= r.bank_mask;
    return held;
  }
  std::uint64_t columns_held_back(DramCycle now) const {
    std::uint64_t held = 0;
    for (const Rank& r : ranks_)
      if (std::min(r.column[0], r.column[1]) > now) held |= r.bank_mask;
    return held;
  }

  // Earliest cycle at which the devices can take the command, were nothing else sent before it. The
  // caller knows that the row state fits, and looks at the command bus by itself.
  DramCycle activate_ready(std::uint32_t bank) const {
    const Bank& b = banks_[bank];
    const Rank& r = ranks_[b.rank];
    return std::max(
        {b.activate, groups_[b.group].activate, r.activate, r.activations[r.next_activation]});
  }
  DramCycle precharge_ready(std::uint32_t bank) const {
    const Bank& b = banks_[bank];
    return std::max(b.precharge, ranks_[b.rank].precharge);
  }
  DramCycle column_ready(std::uint32_t bank, bool is_write) const {
    const Bank& b = banks_[bank];
    return std::max(
        {b.column[is_write], groups_[b.group].column[is_write], ranks_[b.rank].column[is_write]});
  }
  DramCycle precharge_all_ready(std::uint32_t rank) const { return ranks_[rank].precharge_all; }
  DramCycle refresh_ready(std::uint32_t rank) const { return ranks_[rank].refresh; }
  DramCycle refresh_bank_ready(std::uint32_t bank) const {
    const Bank& b = banks_[bank];
    return std::max(b.refresh, ranks_[b.rank].refresh_bank);
  }

  /// First cycle in which the bus for row (column) commands is free; one and the same bus unless
  /// the device has two.
  DramCycle row_bus_ready() const { return row_bus_; }
  DramCycle column_bus_ready() const { return column_bus_; }

  // The parts of a column command's readiness, for explaining lost bandwidth.
  DramCycle column_ready_in_bank(std::uint32_t bank, bool is_write) const {
    return banks_[bank].column[is_write];
  }
  DramCycle column_ready_in_group(std::uint32_t bank, bool is_write) const {
    return groups_[banks_[bank].group].column[is_write];
  }
  DramCycle column_ready_in_rank(std::uint32_t bank, bool is_write) const {
    return ranks_[banks_[bank].rank].column[is_write];
  }

  void activate(DramCycle now, std::uint32_t bank, std::uint32_t row);
  void precharge(DramCycle now, std::uint32_t bank);
  void precharge_all(DramCycle now, std::uint32_t rank);
  void column(DramCycle now, std::uint32_t bank, bool is_write);
  void refresh(DramCycle now, std::uint32_t rank);
  void refresh_bank(DramCycle now, std::uint32_t bank);

 private:
  struct Bank {
    std::uint32_t rank = 0, group = 0;
    std::int64_t open_row = kNoRow;
    DramCycle activate = 0, precharge = 0, refresh = 0;
    std::array<DramCycle, 2> column{};  ///< [0] read, [1] write
  };
  struct Group {
    DramCycle activate = 0;
    std::array<DramCycle, 2> column{};
  };
  struct Rank {
    std::uint64_t bank_mask = 0;
    DramCycle activate = 0, precharge = 0, precharge_all = 0, refresh = 0, refresh_bank = 0;
    std::array<DramCycle, 2> column{};
    /// When a further activation may follow each of the last four; a ring.
    std::array<DramCycle, 4> activations{};
    std::uint32_t next_activation = 0;
  };

  static void raise(DramCycle& limit, DramCycle value) { limit = std::max(limit, value); }
  void occupy_row_bus(DramCycle until);
  void occupy_column_bus(DramCycle until);
  void limit_other_ranks(DramCycle now, std::uint32_t rank, bool is_write);

  TimingRules rules_;
  bool one_bus_;
  std::vector<Bank> banks_;
  std::vector<Group> groups_;
  std::vector<Rank> ranks_;
  std::uint64_t open_banks_ = 0;
  DramCycle row_bus_ = 0;
  DramCycle column_bus_ = 0;
};

}  // namespace tessera::dram

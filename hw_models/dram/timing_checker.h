// Replays a command trace against a device's rules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/dram/command.h"
#include "hw_models/dram/device.h"

namespace tessera::dram {

/// Judges every command of one channel by looking back at what went out before: every pairwise gap,
/// the four-activate window, command-bus occupancy, row state, and that refreshes keep up. Written
/// against the rule list, independently of the timers the controllers schedule by.
class TimingChecker final : public CommandListener {
 public:
  explicit TimingChecker(const Device& device);

  /// Commands must come in the order of their cycles.
  void issued(const IssuedCommand& command) override;

  std::uint64_t commands() const { return commands_; }
  std::uint64_t violations() const { return violations_; }
  /// The first few violations, one line each: cycle, command, rule, earliest legal cycle.
  const std::vector<std::string>& messages() const { return messages_; }

 private:
  enum class Scope { kBank, kGroup, kRank, kOtherRank };
  struct Rule {
    CommandKind previous, next;
    Scope scope;
    std::uint32_t gap;
    const char* name;
  };
  /// Last issue of every kind of command, one past its cycle; 0 means never.
  using LastIssued = std::vector<DramCycle>;

  void add_rules(const TimingRules& rules);
  void check_gaps(const IssuedCommand& command);
  void check_rank_gaps(const IssuedCommand& command, const Rule& rule);
  void check_window(const IssuedCommand& command);
  void check_bus(const IssuedCommand& command);
  void check_row_state(const IssuedCommand& command);
  void check_refresh(const IssuedCommand& command);
  void check_one(const IssuedCommand& command, const Rule& rule, DramCycle last_plus_one);
  void report(const IssuedCommand& command, const std::string& problem);
  void remember(const IssuedCommand& command);
  void remember_row(const IssuedCommand& command);

  std::size_t group_of(const IssuedCommand& command) const;
  std::size_t bank_of(const IssuedCommand& command) const;
  static std::size_t at(std::size_t place, CommandKind kind) {
    return place * kCommandKinds + static_cast<std::size_t>(kind);
  }
  bool is_bank_command(CommandKind kind) const {
    return kind != CommandKind::kPrechargeAll && kind != CommandKind::kRefresh;
  }
  std::uint32_t length_of(CommandKind kind) const;

  Geometry geometry_;
  TimingRules rules_;
  DramCycle refresh_interval_;
  std::vector<std::vector<Rule>> rules_by_next_;
  LastIssued in_bank_, in_group_, in_rank_;
  std::vector<std::int64_t> open_row_;
  std::vector<std::vector<DramCycle>> activations_;  ///< per rank, the last four
  std::vector<std::uint64_t> refreshed_;             ///< per rank, in bank refreshes
  DramCycle bus_free_[2] = {0, 0};                   ///< row (or only) bus, column bus
  DramCycle latest_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t violations_ = 0;
  std::vector<std::string> messages_;
};

}  // namespace tessera::dram

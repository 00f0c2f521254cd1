#include "hw_models/dram/timing_checker.h"

#include <algorithm>

namespace tessera::dram {

namespace {

constexpr std::size_t kMessagesKept = 20;
constexpr std::int64_t kClosed = -1;
/// JEDEC lets a controller owe this many refreshes; one more may be on its way.
constexpr std::uint64_t kRefreshesOwed = 9;

}  // namespace

TimingChecker::TimingChecker(const Device& device)
    : geometry_(device.geometry),
      rules_(device.rules),
      refresh_interval_(device.timing.refi),
      rules_by_next_(kCommandKinds),
      in_bank_(std::size_t{geometry_.banks()} * kCommandKinds),
      in_group_(std::size_t{geometry_.ranks} * geometry_.bank_groups * kCommandKinds),
      in_rank_(std::size_t{geometry_.ranks} * kCommandKinds),
      open_row_(geometry_.banks(), kClosed),
      activations_(geometry_.ranks),
      refreshed_(geometry_.ranks) {
  add_rules(device.rules);
}

void TimingChecker::add_rules(const TimingRules& r) {
  using enum CommandKind;
  using enum Scope;
  const Rule all[] = {
      {kActivate, kActivate, kBank, r.act_act_bank, "ACT to ACT in a bank (tRC)"},
      {kActivate, kActivate, kGroup, r.act_act_group, "ACT to ACT in a bank group (tRRD_L)"},
      {kActivate, kActivate, kRank, r.act_act_rank, "ACT to ACT in a rank (tRRD_S)"},
      {kActivate, kRead, kBank, r.act_read, "ACT to RD (tRCD)"},
      {kActivate, kWrite, kBank, r.act_write, "ACT to WR (tRCD)"},
      {kActivate, kPrecharge, kBank, r.act_pre, "ACT to PRE (tRAS)"},
      {kActivate, kPrechargeAll, kRank, r.act_prea, "ACT to PREA (tRAS)"},
      {kActivate, kRefresh, kRank, r.act_ref, "ACT to REF (tRC)"},
      {kActivate, kRefreshBank, kBank, r.act_refpb_bank, "ACT to REFPB in a bank (tRC)"},
      {kActivate, kRefreshBank, kRank, r.act_refpb_rank, "ACT to REFPB in a rank (tRRD)"},
      {kPrecharge, kActivate, kBank, r.pre_act, "PRE to ACT (tRP)"},
      {kPrecharge, kRefresh, kRank, r.pre_ref, "PRE to REF (tRP)"},
      {kPrecharge, kRefreshBank, kBank, r.pre_refpb, "PRE to REFPB (tRP)"},
      {kPrecharge, kPrecharge, kRank, r.pre_pre_rank, "PRE to PRE (tPPD)"},
      {kPrecharge, kPrechargeAll, kRank, r.pre_pre_rank, "PRE to PREA (tPPD)"},
      {kPrechargeAll, kActivate, kRank, r.prea_act, "PREA to ACT (tRPab)"},
      {kPrechargeAll, kRefresh, kRank, r.prea_ref, "PREA to REF (tRPab)"},
      {kPrechargeAll, kRefreshBank, kRank, r.prea_ref, "PREA to REFPB (tRPab)"},
      {kRead, kPrecharge, kBank, r.read_pre, "RD to PRE (tRTP)"},
      {kRead, kPrechargeAll, kRank, r.read_prea, "RD to PREA (tRTP)"},
      {kRead, kRead, kGroup, r.read_read_group, "RD to RD in a bank group (tCCD_L)"},
      {kRead, kRead, kRank, r.read_read_rank, "RD to RD in a rank (tCCD_S)"},
      {kRead, kRead, kOtherRank, r.read_read_other_rank, "RD to RD of another rank"},
      {kRead, kWrite, kRank, r.read_write_rank, "RD to WR in a rank"},
      {kRead, kWrite, kOtherRank, r.read_write_other_rank, "RD to WR of another rank"},
      {kWrite, kPrecharge, kBank, r.write_pre, "WR to PRE (tWR)"},
      {kWrite, kPrechargeAll, kRank, r.write_prea, "WR to PREA (tWR)"},
      {kWrite, kWrite, kGroup, r.write_write_group, "WR to WR in a bank group (tCCD_L)"},
      {kWrite, kWrite, kRank, r.write_write_rank, "WR to WR in a rank (tCCD_S)"},
      {kWrite, kWrite, kOtherRank, r.write_write_other_rank, "WR to WR of another rank"},
      {kWrite, kRead, kGroup, r.write_read_group, "WR to RD in a bank group (tWTR_L)"},
      {kWrite, kRead, kRank, r.write_read_rank, "WR to RD in a rank (tWTR_S)"},
      {kWrite, kRead, kOtherRank, r.write_read_other_rank, "WR to RD of another rank"},
      {kRefresh, kActivate, kRank, r.ref_act, "REF to ACT (tRFC)"},
      {kRefresh, kRefresh, kRank, r.ref_ref, "REF to REF (tRFC)"},
      {kRefresh, kRefreshBank, kRank, r.ref_ref, "REF to REFPB (tRFC)"},
      {kRefreshBank, kActivate, kBank, r.refpb_act_bank, "REFPB to ACT in a bank (tRFCpb)"},
      {kRefreshBank, kActivate, kRank, r.refpb_act_rank, "REFPB to ACT in a rank"},
      {kRefreshBank, kRefreshBank, kBank, r.refpb_refpb_bank, "REFPB to REFPB in a bank"},
      {kRefreshBank, kRefreshBank, kRank, r.refpb_refpb_rank, "REFPB to REFPB in a rank"},
      {kRefreshBank, kPrechargeAll, kRank, r.refpb_prea, "REFPB to PREA (tRFCpb)"},
      {kRefreshBank, kRefresh, kRank, r.refpb_refpb_bank, "REFPB to REF (tRFCpb)"},
  };
  for (const Rule& rule : all)
    if (rule.gap > 0) rules_by_next_[static_cast<std::size_t>(rule.next)].push_back(rule);
}

void TimingChecker::issued(const IssuedCommand& command) {
  ++commands_;
  if (command.cycle < latest_) report(command, "comes after a command of a later cycle");
  latest_ = std::max(latest_, command.cycle);
  check_gaps(command);
  if (command.kind == CommandKind::kActivate) check_window(command);
  check_bus(command);
  check_row_state(command);
  check_refresh(command);
  remember(command);
}

std::size_t TimingChecker::group_of(const IssuedCommand& c) const {
  return static_cast<std::size_t>(c.rank) * geometry_.bank_groups +
         static_cast<std::size_t>(c.bank_group);
}

std::size_t TimingChecker::bank_of(const IssuedCommand& c) const {
  return group_of(c) * geometry_.banks_per_group + static_cast<std::size_t>(c.bank);
}

void TimingChecker::check_gaps(const IssuedCommand& command) {
  for (const Rule& rule : rules_by_next_[static_cast<std::size_t>(command.kind)]) {
    if (rule.scope == Scope::kBank)
      check_one(command, rule, in_bank_[at(bank_of(command), rule.previous)]);
    else if (rule.scope == Scope::kGroup)
      check_one(command, rule, in_group_[at(group_of(command), rule.previous)]);
    else
      check_rank_gaps(command, rule);
  }
}

void TimingChecker::check_rank_gaps(const IssuedCommand& command, const Rule& rule) {
  for (std::size_t rank = 0; rank < geometry_.ranks; ++rank) {
    const bool same = rank == static_cast<std::size_t>(command.rank);
    if (same == (rule.scope == Scope::kRank))
      check_one(command, rule, in_rank_[at(rank, rule.previous)]);
  }
}

void TimingChecker::check_one(const IssuedCommand& command, const Rule& rule,
                              DramCycle last_plus_one) {
  if (last_plus_one == 0) return;
  const DramCycle earliest = last_plus_one - 1 + rule.gap;
  if (command.cycle < earliest)
    report(command, std::string(rule.name) + " allows it from " + std::to_string(earliest));
}

void TimingChecker::check_window(const IssuedCommand& command) {
  const auto& last = activations_[static_cast<std::size_t>(command.rank)];
  if (last.size() < 4) return;
  const DramCycle earliest = last.front() + rules_.four_activate_window;
  if (command.cycle < earliest)
    report(command, "four-activate window (tFAW) allows it from " + std::to_string(earliest));
}

std::uint32_t TimingChecker::length_of(CommandKind kind) const {
  switch (kind) {
    case CommandKind::kActivate:
      return rules_.act_length;
    case CommandKind::kPrecharge:
    case CommandKind::kPrechargeAll:
      return rules_.pre_length;
    case CommandKind::kRead:
    case CommandKind::kWrite:
      return rules_.column_length;
    case CommandKind::kRefresh:
    case CommandKind::kRefreshBank:
      break;
  }
  return rules_.refresh_length;
}

void TimingChecker::check_bus(const IssuedCommand& command) {
  const bool column = command.kind == CommandKind::kRead || command.kind == CommandKind::kWrite;
  DramCycle& free = bus_free_[column && geometry_.separate_column_bus];
  if (command.cycle < free)
    report(command, "the command bus is taken until " + std::to_string(free));
  free = command.cycle + length_of(command.kind);
}

void TimingChecker::check_row_state(const IssuedCommand& command) {
  using enum CommandKind;
  if (command.kind == kRefresh) {
    const std::size_t first = static_cast<std::size_t>(command.rank) * geometry_.banks_per_rank();
    for (std::size_t bank = first; bank < first + geometry_.banks_per_rank(); ++bank)
      if (open_row_[bank] != kClosed)
        report(command, "bank " + std::to_string(bank) + " has a row open");
  }
  if (!is_bank_command(command.kind)) return;
  const std::int64_t open = open_row_[bank_of(command)];
  if ((command.kind == kActivate || command.kind == kRefreshBank) && open != kClosed)
    report(command, "row " + std::to_string(open) + " is open");
  if ((command.kind == kRead || command.kind == kWrite) && open != command.row)
    report(command, open == kClosed ? std::string("no row is open")
                                    : "row " + std::to_string(open) + " is open");
}

void TimingChecker::check_refresh(const IssuedCommand& command) {
  const std::uint64_t banks = geometry_.banks_per_rank();
  const std::uint64_t due = command.cycle / refresh_interval_ * banks;
  const std::uint64_t done = refreshed_[static_cast<std::size_t>(command.rank)];
  const bool column = command.kind == CommandKind::kRead || command.kind == CommandKind::kWrite;
  if (column && due > done + kRefreshesOwed * banks)
    report(command, std::to_string((due - done) / banks) + " refreshes are owed");
}

void TimingChecker::remember(const IssuedCommand& command) {
  const DramCycle mark = command.cycle + 1;
  const auto rank = static_cast<std::size_t>(command.rank);
  in_rank_[at(rank, command.kind)] = mark;
  if (is_bank_command(command.kind)) {
    in_bank_[at(bank_of(command), command.kind)] = mark;
    in_group_[at(group_of(command), command.kind)] = mark;
  }
  remember_row(command);
  if (command.kind == CommandKind::kRefresh) refreshed_[rank] += geometry_.banks_per_rank();
  if (command.kind == CommandKind::kRefreshBank) ++refreshed_[rank];
  if (command.kind != CommandKind::kActivate) return;
  auto& last = activations_[rank];
  if (last.size() == 4) last.erase(last.begin());
  last.push_back(command.cycle);
}

void TimingChecker::remember_row(const IssuedCommand& command) {
  if (command.kind == CommandKind::kActivate) open_row_[bank_of(command)] = command.row;
  if (command.kind == CommandKind::kPrecharge) open_row_[bank_of(command)] = kClosed;
  if (command.kind != CommandKind::kPrechargeAll) return;
  const auto first =
      open_row_.begin() + std::ptrdiff_t{command.rank} * std::ptrdiff_t{geometry_.banks_per_rank()};
  std::fill(first, first + geometry_.banks_per_rank(), kClosed);
}

void TimingChecker::report(const IssuedCommand& command, const std::string& problem) {
  ++violations_;
  if (messages_.size() >= kMessagesKept) return;
  messages_.push_back("cycle " + std::to_string(command.cycle) + ": " + command_name(command.kind) +
                      ": " + problem);
}

}  // namespace tessera::dram

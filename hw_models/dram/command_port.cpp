#include "hw_models/dram/command_port.h"

namespace tessera::dram {

CommandPort::CommandPort(const Device& device)
    : geometry_(device.geometry),
      timing_(device.timing),
      rules_(device.rules),
      timers_(device),
      statistics_(device) {}

void CommandPort::tell(DramCycle now, CommandKind kind, const Location& at) {
  if (listener_ == nullptr) return;
  listener_->issued({now, kind, static_cast<std::int32_t>(at.rank),
                     static_cast<std::int32_t>(at.bank_group), static_cast<std::int32_t>(at.bank),
                     at.row, at.column});
}

IssuedCommand CommandPort::bank_command(DramCycle now, CommandKind kind, std::uint32_t bank) const {
  const std::uint32_t in_rank = bank % geometry_.banks_per_rank();
  return {now, kind, static_cast<std::int32_t>(timers_.rank_of(bank)),
          static_cast<std::int32_t>(in_rank / geometry_.banks_per_group),
          static_cast<std::int32_t>(in_rank % geometry_.banks_per_group)};
}

void CommandPort::activate(DramCycle now, const Location& at) {
  timers_.activate(now, at.bank_index, at.row);
  statistics_.row_command(CommandKind::kActivate, at.bank_index);
  statistics_.rows_open(now, at.rank, true);
  tell(now, CommandKind::kActivate, at);
}

void CommandPort::after_precharge(DramCycle now, std::uint32_t rank) {
  statistics_.rows_open(now, rank, (timers_.open_banks() & timers_.banks_of_rank(rank)) != 0);
}

void CommandPort::precharge(DramCycle now, const Location& at) {
  timers_.precharge(now, at.bank_index);
  statistics_.row_command(CommandKind::kPrecharge, at.bank_index);
  after_precharge(now, at.rank);
  tell(now, CommandKind::kPrecharge, at);
}

void CommandPort::precharge_bank(DramCycle now, std::uint32_t bank) {
  timers_.precharge(now, bank);
  statistics_.row_command(CommandKind::kPrecharge, bank);
  after_precharge(now, timers_.rank_of(bank));
  if (listener_ != nullptr) listener_->issued(bank_command(now, CommandKind::kPrecharge, bank));
}

void CommandPort::precharge_all(DramCycle now, std::uint32_t rank) {
  timers_.precharge_all(now, rank);
  statistics_.rank_command(CommandKind::kPrechargeAll);
  after_precharge(now, rank);
  if (listener_ != nullptr)
    listener_->issued({now, CommandKind::kPrechargeAll, static_cast<std::int32_t>(rank)});
}

DramCycle CommandPort::column(DramCycle now, const PendingRequest& request) {
  statistics_.column_command(now, request, timers_);
  timers_.column(now, request.at.bank_index, request.is_write);
  tell(now, request.is_write ? CommandKind::kWrite : CommandKind::kRead, request.at);
  return now + (request.is_write ? timing_.write_latency() : timing_.read_latency());
}

void CommandPort::refresh(DramCycle now, std::uint32_t rank) {
  timers_.refresh(now, rank);
  statistics_.rank_command(CommandKind::kRefresh);
  statistics_.refresh_ends(now + rules_.ref_act, timers_.banks_of_rank(rank));
  if (listener_ != nullptr)
    listener_->issued({now, CommandKind::kRefresh, static_cast<std::int32_t>(rank)});
}

void CommandPort::refresh_bank(DramCycle now, std::uint32_t bank) {
  timers_.refresh_bank(now, bank);
  statistics_.rank_command(CommandKind::kRefreshBank);
  statistics_.refresh_ends(now + rules_.refpb_act_bank, std::uint64_t{1} << bank);
  if (listener_ != nullptr) listener_->issued(bank_command(now, CommandKind::kRefreshBank, bank));
}

}  // namespace tessera::dram

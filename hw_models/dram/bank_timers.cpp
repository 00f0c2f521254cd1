#include "hw_models/dram/bank_timers.h"

namespace tessera::dram {

BankTimers::BankTimers(const Device& device)
    : rules_(device.rules),
      one_bus_(!device.geometry.separate_column_bus),
      banks_(device.geometry.banks()),
      groups_(device.geometry.ranks * device.geometry.bank_groups),
      ranks_(device.geometry.ranks) {
  for (std::uint32_t b = 0; b < banks_.size(); ++b) {
    banks_[b].group = b / device.geometry.banks_per_group;
    banks_[b].rank = b / device.geometry.banks_per_rank();
    ranks_[banks_[b].rank].bank_mask |= std::uint64_t{1} << b;
  }
}

void BankTimers::occupy_row_bus(DramCycle until) {
  raise(row_bus_, until);
  if (one_bus_) raise(column_bus_, until);
}

void BankTimers::occupy_column_bus(DramCycle until) {
  raise(column_bus_, until);
  if (one_bus_) raise(row_bus_, until);
}

void BankTimers::activate(DramCycle now, std::uint32_t bank, std::uint32_t row) {
  Bank& b = banks_[bank];
  Rank& r = ranks_[b.rank];
  b.open_row = row;
  open_banks_ |= std::uint64_t{1} << bank;
  raise(b.activate, now + rules_.act_act_bank);
  raise(b.precharge, now + rules_.act_pre);
  raise(b.refresh, now + rules_.act_refpb_bank);
  raise(b.column[0], now + rules_.act_read);
  raise(b.column[1], now + rules_.act_write);
  raise(groups_[b.group].activate, now + rules_.act_act_group);
  raise(r.activate, now + rules_.act_act_rank);
  raise(r.precharge_all, now + rules_.act_prea);
  raise(r.refresh, now + rules_.act_ref);
  raise(r.refresh_bank, now + rules_.act_refpb_rank);
  r.activations[r.next_activation] = now + rules_.four_activate_window;
  r.next_activation = (r.next_activation + 1) % 4;
  occupy_row_bus(now + rules_.act_length);
}

void BankTimers::precharge(DramCycle now, std::uint32_t bank) {
  Bank& b = banks_[bank];
  Rank& r = ranks_[b.rank];
  b.open_row = kNoRow;
  open_banks_ &= ~(std::uint64_t{1} << bank);
  raise(b.activate, now + rules_.pre_act);
  raise(b.refresh, now + rules_.pre_refpb);
  raise(r.precharge, now + rules_.pre_pre_rank);
  raise(r.precharge_all, now + rules_.pre_pre_rank);
  raise(r.refresh, now + rules_.pre_ref);
  occupy_row_bus(now + rules_.pre_length);
}

void BankTimers::precharge_all(DramCycle now, std::uint32_t rank) {
  Rank& r = ranks_[rank];
  for (Bank& b : banks_) {
    if (b.rank != rank) continue;
    b.open_row = kNoRow;
    raise(b.refresh, now + rules_.prea_ref);
  }
  open_banks_ &= ~r.bank_mask;
  raise(r.activate, now + rules_.prea_act);
  raise(r.refresh, now + rules_.prea_ref);
  occupy_row_bus(now + rules_.pre_length);
}

void BankTimers::column(DramCycle now, std::uint32_t bank, bool is_write) {
  Bank& b = banks_[bank];
  Group& g = groups_[b.group];
  Rank& r = ranks_[b.rank];
  if (is_write) {
    raise(b.precharge, now + rules_.write_pre);
    raise(g.column[1], now + rules_.write_write_group);
    raise(g.column[0], now + rules_.write_read_group);
    raise(r.column[1], now + rules_.write_write_rank);
    raise(r.column[0], now + rules_.write_read_rank);
    raise(r.precharge_all, now + rules_.write_prea);
  } else {
    raise(b.precharge, now + rules_.read_pre);
    raise(g.column[0], now + rules_.read_read_group);
    raise(r.column[0], now + rules_.read_read_rank);
    raise(r.column[1], now + rules_.read_write_rank);
    raise(r.precharge_all, now + rules_.read_prea);
  }
  if (ranks_.size() > 1) limit_other_ranks(now, b.rank, is_write);
  occupy_column_bus(now + rules_.column_length);
}

void BankTimers::limit_other_ranks(DramCycle now, std::uint32_t rank, bool is_write) {
  for (std::uint32_t other = 0; other < ranks_.size(); ++other) {
    if (other == rank) continue;
    Rank& r = ranks_[other];
    raise(r.column[0],
          now + (is_write ? rules_.write_read_other_rank : rules_.read_read_other_rank));
    raise(r.column[1],
          now + (is_write ? rules_.write_write_other_rank : rules_.read_write_other_rank));
  }
}

void BankTimers::refresh(DramCycle now, std::uint32_t rank) {
  Rank& r = ranks_[rank];
  raise(r.activate, now + rules_.ref_act);
  raise(r.precharge_all, now + rules_.ref_act);
  raise(r.refresh, now + rules_.ref_ref);
  raise(r.refresh_bank, now + rules_.ref_ref);
  occupy_row_bus(now + rules_.refresh_length);
}

void BankTimers::refresh_bank(DramCycle now, std::uint32_t bank) {
  Bank& b = banks_[bank];
  Rank& r = ranks_[b.rank];
  raise(b.activate, now + rules_.refpb_act_bank);
  raise(b.refresh, now + rules_.refpb_refpb_bank);
  raise(r.activate, now + rules_.refpb_act_rank);
  raise(r.refresh_bank, now + rules_.refpb_refpb_rank);
  raise(r.precharge_all, now + rules_.refpb_prea);
  raise(r.refresh, now + rules_.refpb_refpb_bank);
  occupy_row_bus(now + rules_.refresh_length);
}

}  // namespace tessera::dram

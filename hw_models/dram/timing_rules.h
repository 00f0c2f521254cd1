// The smallest gap in cycles between two commands, for every pair of commands and every scope in
// which the pair is constrained. The one place where device parameters become scheduling rules.
#pragma once

#include <cstdint>

namespace tessera::dram {

/// Gaps from the start of the earlier to the start of the later command. `bank`, `group`, `rank`
/// name the scope the two commands share; `other_rank` means same channel, different rank. PREA
/// stands for precharge all banks, REFPB for the refresh of one bank.
struct TimingRules {
  std::uint32_t act_act_bank = 0, act_act_group = 0, act_act_rank = 0;
  /// Any five activations of a rank span at least this.
  std::uint32_t four_activate_window = 0;
  std::uint32_t act_read = 0, act_write = 0, act_pre = 0, act_prea = 0, act_ref = 0;
  std::uint32_t act_refpb_bank = 0, act_refpb_rank = 0;

  std::uint32_t pre_act = 0, pre_ref = 0, pre_refpb = 0, pre_pre_rank = 0;
  std::uint32_t prea_act = 0, prea_ref = 0;

  std::uint32_t read_pre = 0, read_prea = 0;
  std::uint32_t read_read_group = 0, read_read_rank = 0, read_read_other_rank = 0;
  std::uint32_t read_write_rank = 0, read_write_other_rank = 0;

  std::uint32_t write_pre = 0, write_prea = 0;
  std::uint32_t write_write_group = 0, write_write_rank = 0, write_write_other_rank = 0;
  std::uint32_t write_read_group = 0, write_read_rank = 0, write_read_other_rank = 0;

  std::uint32_t ref_act = 0, ref_ref = 0;
  std::uint32_t refpb_act_bank = 0, refpb_act_rank = 0;
  std::uint32_t refpb_refpb_bank = 0, refpb_refpb_rank = 0, refpb_prea = 0;

  /// Cycles a command occupies its command bus.
  std::uint32_t act_length = 1, pre_length = 1, column_length = 1, refresh_length = 1;
};

}  // namespace tessera::dram

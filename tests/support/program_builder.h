// Code by hand: one function per instruction, so that a test's program reads like a listing.
#pragma once

#include "mapping/program.h"

namespace tessera::test {

mapping::CodeNode receive(mapping::SlotId slot, int operand);
mapping::CodeNode receive_sums(mapping::SlotId slot);
mapping::CodeNode acquire(mapping::SlotId slot, int granules = 1);
mapping::CodeNode release(mapping::SlotId slot, int granules = 1);
mapping::CodeNode reserve(mapping::SlotId slot);
mapping::CodeNode commit(mapping::SlotId slot);
mapping::CodeNode array(mapping::SlotId slot);
mapping::CodeNode vector(mapping::SlotId slot);
mapping::CodeNode add_sums(mapping::SlotId slot);
mapping::CodeNode store(mapping::SlotId slot);
mapping::CodeNode send_sums(mapping::SlotId slot);
mapping::CodeNode loop(workloads::RankId rank, std::int64_t step, std::int64_t count,
                       mapping::CodeBlock body);
mapping::CodeNode repeat(std::int64_t count, mapping::CodeBlock body);

/// A slot that the compute queue reads.
mapping::Slot input_slot(const std::string& name, Bytes base, Bytes granule_bytes, int granules);
mapping::Slot slot_for(const std::string& name, Bytes base, Bytes granule_bytes, int granules,
                       mapping::SlotReader reader);

/// Buffer and line of the machine that the programs below are made for.
inline constexpr Bytes kBufferBytes = 1024;
inline constexpr Bytes kLineBytes = 16;

/// A legal program that uses every mechanism, on 4 tiles with 2-byte words:
///   stage 0: 3x3 convolution of 2 channels of 6x6 with 4 filters, padding 1. Rows 2 ways, filters
///   2 ways;
///            one filter at a time; the output stays in the tiles.
///   stage 1: 1x1 convolution to 3 filters. Channels 2 ways, so pairs of tiles add their sums; rows
///   2 ways.
///            The output goes to DRAM.
///   stage 2: 2x2 max pool with stride 2 on tiles 0 to 2, one channel each, fetched row by row
///   through a
///            window of two granules.
mapping::Program three_stage_program();

/// DRAM layouts of all tensors as stored, one after the other.
void lay_out_tensors(mapping::Program& program);

/// A group with these members; its id.
mapping::GroupId add_group(mapping::Stage& stage, std::vector<mapping::TileId> members);

}  // namespace tessera::test

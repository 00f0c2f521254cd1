#include "mapping/program_enums.h"
#include "mapping/program_io.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"

namespace tessera::mapping {

namespace {

template <typename Pairs, typename InMemory>
auto in_file(const Pairs& pairs, InMemory value) {
  for (const auto& [stored, known] : pairs)
    if (known == value) return stored;
  throw InvariantViolation("program writer", 0, "an enumerator of value ", static_cast<int>(value),
                           " has no name in program.proto");
}

void write(const workloads::Tensor& tensor, program::Tensor& message) {
  message.set_name(tensor.name);
  message.set_kind(in_file(program::kTensorKinds, tensor.kind));
  for (const auto extent : tensor.extents) message.add_extent(extent);
}

void write(const workloads::Rank& rank, program::Rank& message) {
  message.set_name(rank.name);
  message.set_extent(rank.extent);
  message.set_reduced(rank.reduced);
}

void write(const workloads::DimensionAccess& access, program::DimensionAccess& message) {
  for (const auto& term : access.terms) {
    auto* written = message.add_term();
    written->set_rank(term.rank);
    written->set_coefficient(term.coefficient);
  }
  message.set_offset(access.offset);
  message.set_valid_begin(access.valid_begin);
  message.set_valid_end(access.valid_end);
}

void write(const workloads::Operand& operand, program::Operand& message) {
  message.set_tensor(operand.tensor);
  message.set_role(in_file(program::kOperandRoles, operand.role));
  for (const auto& access : operand.dimensions) write(access, *message.add_dimension());
}

void write(const workloads::Layer& layer, program::Layer& message) {
  message.set_name(layer.name);
  message.set_kind(in_file(program::kLayerKinds, layer.kind));
  message.set_function(in_file(program::kFunctions, layer.function));
  message.set_activation(in_file(program::kFunctions, layer.activation));
  for (const auto& rank : layer.ranks) write(rank, *message.add_rank());
  for (const auto& input : layer.inputs) write(input, *message.add_input());
  write(layer.output, *message.mutable_output());
  message.set_passes(layer.passes);
  message.set_count_padding(layer.count_padding);
  message.set_origin(layer.origin);
  for (const int rank : layer.whole_ranks) message.add_whole_rank(rank);
}

void write(const workloads::Network& network, program::Network& message) {
  message.set_name(network.name);
  message.set_batch(network.batch);
  for (const auto& tensor : network.tensors) write(tensor, *message.add_tensor());
  for (const auto& layer : network.layers) write(layer, *message.add_layer());
}

void write(const DramLayout& layout, program::DramLayout& message) {
  message.set_base_address(layout.base_address);
  for (const int dimension : layout.order) message.add_order(dimension);
  for (const auto extent : layout.block) message.add_block(extent);
  message.set_footprint_bytes(layout.footprint_bytes);
  message.set_stripe_bytes(layout.stripe_bytes);
  message.set_first_channel(layout.first_channel);
  message.set_channels(layout.channels);
  message.set_hashed(layout.hashed);
  message.set_copies(in_file(program::kCopies, layout.copies));
}

void write(const Part& part, program::Part& message) {
  message.set_tensor(part.tensor);
  message.set_producer_stage(part.producer_stage);
  for (const auto& range : part.region.dimensions) {
    auto* written = message.add_dimension();
    written->set_begin(range.begin);
    written->set_count(range.count);
    written->set_step(range.step);
  }
  message.set_home(in_file(program::kHomes, part.home));
  message.set_kept_until(part.kept_until + 1);
}

void write(const Instruction& instruction, program::Instruction& message) {
  message.set_op(in_file(program::kOps, instruction.op));
  message.set_slot(instruction.slot);
  message.set_operand(instruction.operand);
  message.set_amount(instruction.amount);
}

void write(const CodeNode& node, program::CodeNode& message) {
  if (!node.is_loop) return write(node.instruction, *message.mutable_instruction());
  auto& loop = *message.mutable_loop();
  loop.set_rank(node.rank);
  loop.set_step(node.step);
  loop.set_count(node.count);
  loop.set_first(node.first);
  loop.set_overlap(node.overlap);
  loop.set_rotates(node.rotates);
  for (const auto& inner : node.body) write(inner, *loop.add_body());
}

void write(const Code& code, program::Code& message) {
  for (const auto& node : code.load) write(node, *message.add_load());
  for (const auto& node : code.compute) write(node, *message.add_compute());
  for (const auto& node : code.store) write(node, *message.add_store());
}

void write(const Slot& slot, program::Slot& message) {
  message.set_name(slot.name);
  message.set_base_address(slot.base_address);
  message.set_granule_bytes(slot.granule_bytes);
  message.set_granules(slot.granules);
  message.set_readers(slot.readers);
  for (const auto extent : slot.extents) message.add_extent(extent);
  message.set_retains(slot.retains);
  message.set_streams(slot.streams);
  message.set_rotating(slot.rotating);
  message.set_continues(slot.continues + 1);
  message.set_handed_on(slot.handed_on);
  message.set_refetched(slot.refetched);
  message.set_turns(slot.turns);
  message.set_round(slot.round);
  message.set_fill(slot.fill);
  message.set_staging(slot.staging);
}

void write(const TileShare& share, program::TileShare& message) {
  message.set_tile(share.tile);
  message.set_code(share.code);
  for (const auto& range : share.ranks) {
    auto* written = message.add_rank();
    written->set_begin(range.begin);
    written->set_end(range.end);
  }
  for (const GroupId group : share.input_groups) message.add_input_group(group);
  message.set_sums_group(share.sums_group);
  for (const auto origin : share.origins) message.add_origin(origin);
  if (share.rotation.places == 1) return;
  message.set_rotation_place(share.rotation.place);
  message.set_rotation_places(share.rotation.places);
  message.set_rotation_next(share.rotation.next);
}

void write(const SpatialSplit& split, program::SpatialSplit& message) {
  message.set_rank(split.rank);
  message.set_ways(split.ways);
}

void write(const ArrayMapping& array, program::ArrayMapping& message) {
  for (const auto& split : array.rows) write(split, *message.add_row());
  for (const auto& split : array.columns) write(split, *message.add_column());
  for (const auto& split : array.lanes) write(split, *message.add_lane());
  for (const auto& loop : array.loops) {
    auto* written = message.add_loop();
    written->set_rank(loop.rank);
    written->set_tile(loop.tile);
  }
  for (const int depth : array.store_depth) message.add_store_depth(depth);
  for (const bool doubled : array.double_buffered) message.add_double_buffered(doubled);
  for (const bool streamed : array.streamed) message.add_streamed(streamed);
}

void write(const Stage& stage, program::Stage& message) {
  message.set_name(stage.name);
  message.set_layer(stage.layer);
  for (const auto& slot : stage.slots) write(slot, *message.add_slot());
  for (const auto& code : stage.codes) write(code, *message.add_code());
  for (const auto& share : stage.shares) write(share, *message.add_share());
  for (const auto& group : stage.groups)
    message.add_group()->mutable_member()->Add(group.members.begin(), group.members.end());
  write(stage.array, *message.mutable_array());
  message.set_output_slot(stage.output_slot);
  message.set_sums_slot(stage.sums_slot);
  message.set_partial_slot(stage.partial_slot);
  message.set_sums_in_network(stage.sums_in_network);
  message.set_fusion(stage.fusion + 1);
  message.set_recomputed(stage.recomputed);
  message.set_fetches_last(stage.fetches_last);
}

}  // namespace

std::string to_program_bytes(const Program& program) {
  program::Program message;
  message.set_kind("tessera program");
  message.set_version(kProgramVersion);
  message.set_accelerator(program.accelerator);
  message.set_tiles(program.tiles);
  message.set_word_bytes(program.word_bytes);
  message.set_schedule(program.schedule);
  message.set_dram_channels(program.dram_channels);
  write(program.network, *message.mutable_network());
  for (const auto& layout : program.layouts) write(layout, *message.add_layout());
  for (const auto& layout : program.shared_layouts) write(layout, *message.add_shared_layout());
  for (const auto& part : program.parts) write(part, *message.add_part());
  for (const auto& stage : program.stages) write(stage, *message.add_stage());
  message.set_complete(true);
  return to_binary(message);
}

void save_program(const Program& program, const std::string& path) {
  write_file_atomically(path, to_program_bytes(program));
}

}  // namespace tessera::mapping

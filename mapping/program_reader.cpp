#include "mapping/program_enums.h"
#include "mapping/program_io.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::mapping {

namespace {

constexpr char kKind[] = "tessera program";

/// From the message to the structs; throws what it cannot represent. Ids are checked afterwards.
class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  Program read(const program::Program& message) const {
    Program program;
    program.accelerator = message.accelerator();
    program.schedule = message.schedule();
    program.tiles = message.tiles();
    program.word_bytes = message.word_bytes();
    program.dram_channels = message.dram_channels();
    program.network = read(message.network());
    for (const auto& layout : message.layout()) program.layouts.push_back(read(layout));
    for (const auto& layout : message.shared_layout())
      program.shared_layouts.push_back(read(layout));
    for (const auto& part : message.part()) program.parts.push_back(read(part));
    for (const auto& stage : message.stage()) program.stages.push_back(read(stage));
    return program;
  }

 private:
  template <typename... Parts>
  [[noreturn]] void damaged(const Parts&... parts) const {
    throw UserError(origin_, ": not a usable program: ", parts...);
  }

  template <typename Pairs>
  auto in_memory(const Pairs& pairs, int value, const char* what) const {
    for (const auto& [stored, known] : pairs)
      if (stored == value) return known;
    damaged(what, " number ", value, " is unknown to this version");
  }

  workloads::Network read(const program::Network& message) const {
    workloads::Network network{message.name(), message.batch(), {}, {}};
    for (const auto& tensor : message.tensor())
      network.tensors.push_back({tensor.name(),
                                 in_memory(program::kTensorKinds, tensor.kind(), "tensor kind"),
                                 {tensor.extent().begin(), tensor.extent().end()}});
    for (const auto& layer : message.layer()) network.layers.push_back(read(layer));
    return network;
  }

  workloads::Operand read(const program::Operand& message) const {
    workloads::Operand operand{
        message.tensor(), in_memory(program::kOperandRoles, message.role(), "operand role"), {}};
    for (const auto& dimension : message.dimension()) {
      workloads::DimensionAccess access{
          {}, dimension.offset(), dimension.valid_begin(), dimension.valid_end()};
      for (const auto& term : dimension.term())
        access.terms.push_back({term.rank(), term.coefficient()});
      operand.dimensions.push_back(std::move(access));
    }
    return operand;
  }

  workloads::Layer read(const program::Layer& message) const {
    workloads::Layer layer;
    layer.name = message.name();
    layer.kind = in_memory(program::kLayerKinds, message.kind(), "layer kind");
    layer.function = in_memory(program::kFunctions, message.function(), "function");
    layer.activation = in_memory(program::kFunctions, message.activation(), "function");
    for (const auto& rank : message.rank())
      layer.ranks.push_back({rank.name(), rank.extent(), rank.reduced()});
    for (const auto& input : message.input()) layer.inputs.push_back(read(input));
    layer.output = read(message.output());
    layer.passes = message.passes();
    layer.count_padding = message.count_padding();
    layer.origin = message.origin();
    layer.whole_ranks = {message.whole_rank().begin(), message.whole_rank().end()};
    return layer;
  }

  DramLayout read(const program::DramLayout& message) const {
    return {message.base_address(),
            {message.order().begin(), message.order().end()},
            {message.block().begin(), message.block().end()},
            message.footprint_bytes(),
            message.stripe_bytes(),
            message.first_channel(),
            message.channels(),
            message.hashed(),
            in_memory(program::kCopies, message.copies(), "copies")};
  }

  Part read(const program::Part& message) const {
    Part part{message.tensor(), message.producer_stage(), {}, Home::kDram};
    for (const auto& range : message.dimension())
      part.region.dimensions.push_back({range.begin(), range.count(), range.step()});
    part.home = in_memory(program::kHomes, message.home(), "home");
    part.kept_until = message.kept_until() - 1;
    return part;
  }

  CodeNode read(const program::CodeNode& message) const {
    CodeNode node;
    node.is_loop = message.has_loop();
    if (!node.is_loop) {
      if (!message.has_instruction()) damaged("a code node is neither loop nor instruction");
      const auto& instruction = message.instruction();
      node.instruction = {in_memory(program::kOps, instruction.op(), "instruction"),
                          instruction.slot(), instruction.operand(), instruction.amount()};
      return node;
    }
    node.rank = message.loop().rank();
    node.step = message.loop().step();
    node.count = message.loop().count();
    node.first = message.loop().first();
    node.overlap = message.loop().overlap();
    node.rotates = message.loop().rotates();
    node.body = read(message.loop().body());
    return node;
  }

  CodeBlock read(const google::protobuf::RepeatedPtrField<program::CodeNode>& nodes) const {
    CodeBlock block;
    for (const auto& node : nodes) block.push_back(read(node));
    return block;
  }

  static TileShare read(const program::TileShare& message) {
    TileShare share{message.tile(),
                    message.code(),
                    {},
                    {message.input_group().begin(), message.input_group().end()},
                    message.sums_group()};
    for (const auto& range : message.rank()) share.ranks.push_back({range.begin(), range.end()});
    share.origins = {message.origin().begin(), message.origin().end()};
    if (message.rotation_places() != 0)
      share.rotation = {message.rotation_place(), message.rotation_places(),
                        message.rotation_next()};
    return share;
  }

  static std::vector<SpatialSplit> read(
      const google::protobuf::RepeatedPtrField<program::SpatialSplit>& messages) {
    std::vector<SpatialSplit> splits;
    for (const auto& message : messages) splits.push_back({message.rank(), message.ways()});
    return splits;
  }

  ArrayMapping read(const program::ArrayMapping& message) const {
    ArrayMapping array;
    array.rows = read(message.row());
    array.columns = read(message.column());
    array.lanes = read(message.lane());
    for (const auto& loop : message.loop()) array.loops.push_back({loop.rank(), loop.tile()});
    constexpr int operands = std::size(ArrayMapping{}.store_depth);
    if (message.store_depth_size() != operands || message.double_buffered_size() != operands)
      damaged("an array mapping has ", message.store_depth_size(),
              " store depths; allowed: ", operands);
    for (int i = 0; i < operands; ++i) {
      array.store_depth[i] = message.store_depth(i);
      array.double_buffered[i] = message.double_buffered(i);
      array.streamed[i] = i < message.streamed_size() && message.streamed(i);
    }
    return array;
  }

  Stage read(const program::Stage& message) const {
    Stage stage;
    stage.name = message.name();
    stage.layer = message.layer();
    for (const auto& slot : message.slot())
      stage.slots.push_back({slot.name(),
                             slot.base_address(),
                             slot.granule_bytes(),
                             slot.granules(),
                             slot.readers(),
                             slot.staging(),
                             {slot.extent().begin(), slot.extent().end()},
                             slot.retains(),
                             slot.streams(),
                             slot.rotating(),
                             slot.turns(),
                             slot.round(),
                             slot.fill(),
                             slot.continues() - 1,
                             slot.handed_on(),
                             slot.refetched()});
    for (const auto& code : message.code())
      stage.codes.push_back({read(code.load()), read(code.compute()), read(code.store())});
    for (const auto& share : message.share()) stage.shares.push_back(read(share));
    for (const auto& group : message.group())
      stage.groups.push_back({{group.member().begin(), group.member().end()}});
    stage.array = read(message.array());
    stage.output_slot = message.output_slot();
    stage.sums_slot = message.sums_slot();
    stage.partial_slot = message.partial_slot();
    stage.sums_in_network = message.sums_in_network();
    stage.fusion = message.fusion() - 1;
    stage.recomputed = message.recomputed();
    stage.fetches_last = message.fetches_last();
    return stage;
  }

  const std::string& origin_;
};

}  // namespace

Program parse_program(const std::string& bytes, const std::string& origin) {
  program::Program message;
  const bool parsed = message.ParseFromString(bytes);
  if (!bytes.empty() && message.kind() != kKind)
    throw UserError(origin,
                    ": not a program of tessera; allowed: a file that tessera compile wrote");
  if (message.version() > kProgramVersion)
    throw UserError(origin, ": program of version ", message.version(),
                    ", written by a newer tessera; this one reads up to version ", kProgramVersion);
  if (parsed && message.complete() && message.version() < kOldestProgramVersion)
    throw UserError(origin, ": program of version ", message.version(),
                    ", written by an older tessera; compile it again");
  if (!parsed || !message.complete())
    throw UserError(origin, ": truncated program: the file ends after ", bytes.size(), " bytes");
  Program program = Reader(origin).read(message);
  check_ids(program, origin);
  return program;
}

Program load_program(const std::string& path) { return parse_program(read_file(path), path); }

}  // namespace tessera::mapping

#include "mapping/importers/tangram/document.h"

#include <algorithm>

#include "mapping/importers/json/json_file.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::mapping::tangram {

namespace {

constexpr std::array<const char*, kData> kDatumKeys = {"fil", "ifm", "ofm"};
const std::vector<std::string> kLoopKeys = {"ifm", "ofm", "bat"};
const std::vector<std::string> kParallelismKeys = {"OUTP", "OFMP", "BATP", "INPP"};

int index_of(const JsonValue& value, const std::vector<std::string>& names, const char* what) {
  const auto found = std::find(names.begin(), names.end(), value.text());
  if (found == names.end())
    value.fail(std::string("no ") + what + " '" + value.text() + "'; " +
               suggest(value.text(), names));
  return static_cast<int>(found - names.begin());
}

hw::Coordinate read_coordinate(const JsonValue& value) {
  const auto pair = value.items(2);
  return {static_cast<int>(pair[0].integer(0)), static_cast<int>(pair[1].integer(0))};
}

Span read_span(const JsonValue& value) {
  const auto pair = value.items(2);
  const Span span{pair[0].integer(0), pair[1].integer(0)};
  if (span.end < span.begin) value.fail("a range that ends before it begins");
  return span;
}

FmapRange read_range(const JsonValue& value) {
  return {read_span(value.at("b")), read_span(value.at("n")), read_span(value.at("h")),
          read_span(value.at("w"))};
}

std::vector<std::string> read_names(const JsonValue& value) {
  std::vector<std::string> names;
  for (const auto& name : value.items()) names.push_back(name.text());
  return names;
}

template <typename T, typename Read>
PerDatum<T> read_data(const JsonValue& value, Read read) {
  PerDatum<T> data{};
  for (int d = 0; d < kData; ++d) data[d] = static_cast<T>(read(value.at(kDatumKeys[d])));
  return data;
}

PerDatum<std::int64_t> read_words(const JsonValue& value) {
  return read_data<std::int64_t>(value, [](const JsonValue& v) { return v.integer(0); });
}

PerDatum<double> read_numbers(const JsonValue& value) {
  return read_data<double>(value, [](const JsonValue& v) { return v.number(); });
}

std::vector<LoopFactor> read_loops(const JsonValue& value) {
  std::vector<LoopFactor> loops;
  for (const auto& entry : value.items()) {
    const auto pair = entry.items(2);
    loops.push_back({static_cast<Loop>(index_of(pair[0], kLoopKeys, "loop")), pair[1].integer(1)});
  }
  return loops;
}

/// Inside the registers: batch outside, then outputs, then inputs.
std::vector<LoopFactor> read_register_loops(const JsonValue& value) {
  std::vector<LoopFactor> loops;
  for (const Loop loop : {kBatLoop, kOfmLoop, kIfmLoop})
    loops.push_back({loop, value.at(kLoopKeys[loop]).integer(1)});
  return loops;
}

HardwareFacts read_hardware(const JsonValue& file) {
  const auto value = file.at("hardware");
  HardwareFacts facts;
  const auto tiles = read_coordinate(value.at("tiles"));
  const auto array = read_coordinate(value.at("pe_array"));
  facts.rows = tiles.row;
  facts.columns = tiles.column;
  facts.array_rows = array.row;
  facts.array_columns = array.column;
  facts.gbuf_words = value.at("gbuf_words").integer(1);
  facts.regf_words = value.at("regf_words").integer(1);
  facts.word_bits = value.at("word_bits").integer(1);
  facts.dram_words_per_cycle = value.at("dram_words_per_cycle_total").number();
  if (facts.dram_words_per_cycle == 0)
    value.at("dram_words_per_cycle_total").fail("0 where a number > 0 is expected");
  if (value.has("array_bus_words_per_cycle") && !value.at("array_bus_words_per_cycle").is_null())
    value.at("array_bus_words_per_cycle").fail("a limited array bus is not known; allowed: null");
  for (const auto& node : value.at("dram_nodes").items())
    facts.dram_nodes.push_back(read_coordinate(node));
  if (facts.dram_nodes.empty()) value.at("dram_nodes").fail("one DRAM node at least");
  const auto options = file.at("options");
  facts.shares_buffers = options.at("hw_gbuf_sharing").boolean();
  facts.forwards = facts.shares_buffers || options.at("hw_access_forwarding").boolean();
  return facts;
}

Costs read_costs(const JsonValue& value) {
  const auto access = value.at("access");
  return {value.at("mac").number(),
          access.at("dram").number(),
          access.at("gbuf").number(),
          access.at("itcn").number(),
          access.at("regf").number(),
          value.at("noc_word_hop").number(),
          value.at("static_per_cycle").number()};
}

LayerShape read_shape(const JsonValue& layer) {
  const auto value = layer.at("shape");
  LayerShape shape;
  shape.is_convolution = index_of(layer.at("kind"), {"conv", "local_region"}, "kind of layer") == 0;
  shape.input_channels = value.at("nifm").integer(1);
  shape.input_rows = value.at("hifm").integer(1);
  shape.input_columns = value.at("wifm").integer(1);
  shape.output_channels = value.at("nofm").integer(1);
  shape.output_rows = value.at("hofm").integer(1);
  shape.output_columns = value.at("wofm").integer(1);
  shape.row_stride = value.at("hstride").integer(1);
  shape.column_stride = value.at("wstride").integer(1);
  shape.filter_rows = value.at(shape.is_convolution ? "hfil" : "hreg").integer(1);
  shape.filter_columns = value.at(shape.is_convolution ? "wfil" : "wreg").integer(1);
  if (!shape.is_convolution) shape.region_channels = value.at("nreg").integer(1);
  return shape;
}

Partition read_partition(const JsonValue& value) {
  Partition partition;
  for (const auto& kind : value.at("order_top_to_bottom").items(kParallelisms))
    partition.order.push_back(
        static_cast<Parallelism>(index_of(kind, kParallelismKeys, "partition")));
  for (int kind = 0; kind < kParallelisms; ++kind) {
    const auto ways = read_coordinate(value.at("dims").at(kParallelismKeys[kind]));
    partition.ways[kind] = {ways.row, ways.column};
  }
  return partition;
}

/// Layers without weights have no filter ranges.
std::vector<TileShare> read_shares(const JsonValue& partition) {
  std::vector<TileShare> shares;
  for (const auto& node : partition.at("nodes").items()) {
    TileShare share{read_coordinate(node.at("node")),
                    read_range(node.at("ofmap")),
                    read_range(node.at("ifmap")),
                    {}};
    if (node.has("filter"))
      share.filter = {read_span(node.at("filter").at("i")), read_span(node.at("filter").at("o"))};
    shares.push_back(share);
  }
  return shares;
}

ArrayPass read_pass(const JsonValue& value) {
  ArrayPass pass;
  const auto fold = read_coordinate(value.at("fold")),
             replicate = read_coordinate(value.at("replicate"));
  pass.fold = {fold.row, fold.column};
  pass.replicate = {replicate.row, replicate.column};
  pass.cycles = value.at("unit_time_cycles").integer(1);
  pass.operations = value.at("unit_macs").number();
  pass.gbuf_unit = read_words(value.at("unit_gbuf_words"));
  const auto access = value.at("unit_access");
  pass.dram_access = read_numbers(access.at("dram"));
  pass.gbuf_access = read_numbers(access.at("gbuf"));
  pass.itcn_access = read_numbers(access.at("itcn"));
  return pass;
}

Sharing read_sharing(const JsonValue& value) {
  Sharing sharing;
  sharing.subgroup =
      read_data<int>(value.at("subgroup_size"), [](const JsonValue& v) { return v.integer(1); });
  sharing.rotation_rounds = read_words(value.at("rotation_rounds"));
  sharing.rotation_units = read_words(value.at("rotation_units"));
  sharing.wide_fetch_width = read_data<double>(value.at("wide_fetch_width"),
                                               [](const JsonValue& v) { return v.number(); });
  return sharing;
}

/// Several layouts are concatenated sources; their ranges count in the concatenation.
std::vector<Piece> read_layout(const JsonValue& value) {
  std::vector<Piece> pieces;
  for (const auto& source : value.items())
    for (const auto& piece : source.at("pieces").items())
      pieces.push_back({read_coordinate(piece.at("node")), read_range(piece.at("range"))});
  return pieces;
}

void read_sequence(const JsonValue& value, LayerDecisions& layer) {
  layer.segment = static_cast<int>(value.at("segment").integer(0));
  layer.stage = static_cast<int>(value.at("spatial").integer(0));
  layer.position = static_cast<int>(value.at("temporal").integer(0));
}

void read_blocking(const JsonValue& value, LayerDecisions& layer) {
  layer.dram_loops = read_loops(value.at("loops_dram_gbuf_outer_to_inner"));
  layer.sharing_loops = read_loops(value.at("loops_share_outer_to_inner"));
  layer.gbuf_loops = read_loops(value.at("loops_gbuf_regf_outer_to_inner"));
  layer.regf_loops = read_register_loops(value.at("t_regf"));
  layer.in_gbuf =
      read_data<bool>(value.at("in_gbuf"), [](const JsonValue& v) { return v.boolean(); });
}

LayerDecisions read_layer(const JsonValue& value) {
  LayerDecisions layer;
  layer.name = value.at("name").text();
  layer.shape = read_shape(value);
  layer.producers = read_names(value.at("prevs"));
  layer.consumers = read_names(value.at("nexts"));
  read_sequence(value.at("sched_seq"), layer);
  for (const auto& node : value.at("region").at("nodes").items())
    layer.region.push_back(read_coordinate(node));
  layer.sources = read_names(value.at("source_deps"));
  layer.reads_dram = value.at("source").text() == "dram";
  layer.writes_dram = value.at("destination").text() == "dram";
  layer.weights_pinned = value.at("weights_pinned").boolean();
  layer.pinned_weight_words = value.at("pinned_weight_words_per_tile").integer(0);
  layer.partition = read_partition(value.at("partition"));
  layer.shares = read_shares(value.at("partition"));
  layer.pass = read_pass(value.at("array_mapping"));
  read_blocking(value.at("blocking"), layer);
  layer.sharing = read_sharing(value.at("sharing"));
  layer.ifmap_layout = read_layout(value.at("ifmap_layout"));
  layer.ofmap_layout = read_layout(value.at("ofmap_layout"));
  return layer;
}

SegmentDecisions read_segment(const JsonValue& value, const Document& document) {
  SegmentDecisions segment;
  segment.batch_groups = value.at("batch_groups").integer(1);
  for (const auto& stage : value.at("stages").items()) {
    segment.stages.emplace_back();
    for (const auto& name : stage.items()) {
      const int index = document.layer_index(name.text());
      if (index < 0) name.fail("no layer '" + name.text() + "' in the file");
      segment.stages.back().push_back(index);
    }
    if (segment.stages.back().empty()) stage.fail("a stage without layers");
  }
  return segment;
}

/// Further inputs beside the network's own are the initial state of recurrent cells.
std::map<std::string, FmapRange> read_externals(const JsonValue& file) {
  std::map<std::string, FmapRange> externals;
  const auto inputs = file.at("input_layout").items();
  if (inputs.size() != 1) file.at("input_layout").fail("exactly one network input");
  externals["__INPUT__"] = read_range(inputs.front().at("range"));
  if (file.has("ext_inputs"))
    for (const auto& [name, value] : file.at("ext_inputs").members())
      externals[name] = read_range(value.at("range"));
  return externals;
}

Document read_document(const JsonValue& file) {
  Document document;
  if (file.has("case")) document.case_name = file.at("case").text();
  if (file.has("variant")) document.variant = file.at("variant").text();
  document.network = file.at("network").text();
  document.batch = file.at("batch").integer(1);
  document.hardware = read_hardware(file);
  document.costs = read_costs(file.at("cost"));
  document.externals = read_externals(file);
  for (const auto& layer : file.at("layers").items()) document.layers.push_back(read_layer(layer));
  for (const auto& segment : file.at("segments").items())
    document.segments.push_back(read_segment(segment, document));
  return document;
}

std::int64_t overlap(const Span& a, const Span& b) {
  return std::max<std::int64_t>(0, std::min(a.end, b.end) - std::max(a.begin, b.begin));
}

}  // namespace

std::int64_t FmapRange::words() const {
  return batch.size() * channels.size() * rows.size() * columns.size();
}

std::int64_t common_words(const FmapRange& a, const FmapRange& b) {
  return overlap(a.batch, b.batch) * overlap(a.channels, b.channels) * overlap(a.rows, b.rows) *
         overlap(a.columns, b.columns);
}

int Document::layer_index(const std::string& name) const {
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].name == name) return static_cast<int>(i);
  return -1;
}

Document parse_document(const std::string& text, const std::string& origin) {
  return read_document(JsonValue::parse(text, origin));
}

Document load_document(const std::string& path) { return parse_document(read_file(path), path); }

}  // namespace tessera::mapping::tangram

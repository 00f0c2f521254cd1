#include "mapping/importers/tangram/shared_input.h"

#include <algorithm>
#include <optional>
#include <set>

#include "mapping/importers/tangram/pass.h"
#include "sim/base/types.h"

namespace tessera::mapping::tangram {

namespace {

using Copy = SharedInput::Copy;

/// It reads DRAM data that another stage has fetched.
bool is_handed_on(const LayerDecisions& layer) {
  return !layer.reads_dram && layer.slice.count == 1 &&
         layer.sources == std::vector<std::string>{"dram"};
}

std::vector<Span> sorted(std::set<Span> spans) { return {spans.begin(), spans.end()}; }

/// Parts as balanced splits make them.
bool balanced(const std::vector<Span>& spans) {
  const auto ways = static_cast<std::int64_t>(spans.size());
  const auto begin = spans.front().begin, size = spans.back().end - begin;
  for (std::int64_t i = 0; i < ways; ++i)
    if (spans[i].begin != begin + i * size / ways || spans[i].end != begin + (i + 1) * size / ways)
      return false;
  return true;
}

/// The pieces of one map in the tiles that hold them; none when they are dealt in another way.
std::optional<Copy> copy_of(const std::vector<Piece>& pieces, Span channels) {
  std::set<Span> images, parts;
  std::vector<Piece> own;
  for (const auto& piece : pieces) {
    if (piece.range.channels.begin < channels.begin || piece.range.channels.end > channels.end)
      continue;
    images.insert(piece.range.batch);
    parts.insert(piece.range.channels);
    own.push_back(piece);
  }
  Copy copy;
  copy.image_ways = static_cast<int>(images.size());
  copy.channel_ways = static_cast<int>(parts.size());
  if (own.empty() || own.size() != images.size() * parts.size() || !balanced(sorted(images)) ||
      !balanced(sorted(parts)))
    return std::nullopt;
  std::ranges::sort(own, {}, [](const Piece& piece) {
    return std::pair(piece.range.batch, piece.range.channels);
  });
  for (const auto& piece : own) {
    if (std::ranges::find(copy.tiles, piece.at) != copy.tiles.end()) return std::nullopt;
    copy.tiles.push_back(piece.at);
    copy.words = std::max(copy.words, piece.range.words());
  }
  return copy;
}

class SharedInputs {
 public:
  explicit SharedInputs(const Document& document) : document_(document) {}

  std::vector<SharedInput> find() const {
    std::vector<SharedInput> found;
    for (int l = 0; l < static_cast<int>(document_.layers.size()); ++l) {
      if (!is_handed_on(document_.layers[l])) continue;
      const int first = first_reader(l);
      if (first < 0) continue;
      const auto known = std::ranges::find(found, first, &SharedInput::first);
      if (known != found.end())
        known->readers.push_back(l);
      else if (auto shared = share(first, l))
        found.push_back(std::move(*shared));
    }
    return found;
  }

 private:
  /// The layer of the same segment that fetches the same maps; -1: none.
  int first_reader(int layer) const {
    const auto& reader = document_.layers[layer];
    for (int l = 0; l < layer; ++l) {
      const auto& other = document_.layers[l];
      if (other.segment == reader.segment && other.reads_dram && other.slice.count == 1 &&
          other.producers == reader.producers)
        return l;
    }
    return -1;
  }

  std::optional<SharedInput> share(int first, int reader) const {
    const auto& layer = document_.layers[first];
    SharedInput shared{first, {first, reader}, {}};
    std::int64_t begin = 0, words = 0;
    for (const auto& map : layer.producers) {
      const auto size = channels_of(map);
      auto copy = copy_of(document_.layers[reader].ifmap_layout, {begin, begin + size});
      if (!copy || !inside(copy->tiles, layer.region)) return std::nullopt;
      copy->map = map;
      copy->name = layer.name + ".hands_on." + map;
      words += copy->words;
      shared.copies.push_back(std::move(*copy));
      begin += size;
    }
    if (words + buffer_words(layer) > document_.hardware.room_words()) return std::nullopt;
    return shared;
  }

  std::int64_t channels_of(const std::string& map) const {
    const auto known = document_.externals.find(map);
    if (known != document_.externals.end()) return known->second.channels.end;
    const auto producer = std::ranges::find(document_.layers, map, &LayerDecisions::name_in_file);
    const auto& slice = producer->slice;
    return producer->shape.output_channels * (slice.axis == PieceAxis::kChannels ? slice.count : 1);
  }

  static bool inside(const std::vector<hw::Coordinate>& tiles,
                     const std::vector<hw::Coordinate>& region) {
    return std::ranges::all_of(
        tiles, [&](const auto& at) { return std::ranges::find(region, at) != region.end(); });
  }

  /// What the first layer holds itself, in one copy.
  static std::int64_t buffer_words(const LayerDecisions& layer) {
    std::int64_t outputs = 0;
    for (const auto& share : layer.shares) outputs = std::max(outputs, share.ofmap.words());
    std::int64_t words = layer.writes_dram ? 0 : outputs;
    for (const Datum datum : {kFilter, kIfmap, kOfmap})
      if (layer.in_gbuf[datum] && !(datum == kOfmap && !layer.writes_dram))
        words += held_words(layer, datum);
    return words;
  }

  const Document& document_;
};

}  // namespace

std::vector<SharedInput> shared_inputs(const Document& document) {
  return SharedInputs(document).find();
}

const Copy* find_copy(const std::vector<SharedInput>& shared, const std::string& layer_name) {
  for (const auto& input : shared)
    for (const auto& copy : input.copies)
      if (copy.name == layer_name) return &copy;
  return nullptr;
}

}  // namespace tessera::mapping::tangram

#include "sim/timeline/selection.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "sim/base/error.h"

namespace tessera::sim {

namespace {

/// Of all slices and counters of a tile, by its instructions: MobileNet-v2 160, ResNet-50 150 on
/// 256 tiles.
constexpr double kBytesPerInstruction = 160;
constexpr double kMostBytes = 30e6;

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

double instructions(const mapping::CodeBlock& block) {
  double count = 0;
  for (const auto& node : block)
    count += node.is_loop ? static_cast<double>(node.count) * instructions(node.body) : 1;
  return count;
}

double instructions_per_tile(const mapping::Program& program) {
  double count = 0;
  for (const auto& stage : program.stages) {
    std::vector<double> of_code;
    for (const auto& code : stage.codes)
      of_code.push_back(instructions(code.load) + instructions(code.compute) +
                        instructions(code.store));
    for (const auto& share : stage.shares) count += of_code[static_cast<std::size_t>(share.code)];
  }
  return count / std::max(1, program.tiles);
}

}  // namespace

Window parse_window(const std::string& text) {
  Window window;
  const auto colon = text.find(':');
  const std::string_view from = std::string_view(text).substr(0, colon);
  const std::string_view to =
      colon == std::string::npos ? "" : std::string_view(text).substr(colon + 1);
  const bool good = colon != std::string::npos && (from.empty() || parse(from, window.from)) &&
                    (to.empty() || parse(to, window.to)) && window.from < window.to;
  if (!good)
    throw UserError("--timeline-window ", text,
                    ": must be FROM:TO in cycles with FROM < TO, such as 1000:20000 or 5000:");
  return window;
}

std::vector<mapping::TileId> parse_tiles(const std::string& text, int tiles) {
  std::set<int> chosen;
  const std::string all = text == "all" ? "0-" + std::to_string(tiles - 1) : text;
  for (std::size_t begin = 0; begin <= all.size();) {
    const auto comma = std::min(all.find(',', begin), all.size());
    const auto item = std::string_view(all).substr(begin, comma - begin);
    const auto dash = item.find('-');
    int first = -1, last = -1;
    const bool numbers = dash == std::string_view::npos ? parse(item, first) && parse(item, last)
                                                        : parse(item.substr(0, dash), first) &&
                                                              parse(item.substr(dash + 1), last);
    if (!numbers || first < 0 || last < first || last >= tiles)
      throw UserError("--timeline-tiles ", text, ": '", item,
                      "' must be a tile or a range of tiles from 0 to ", tiles - 1,
                      ", or the list be 'all'");
    for (int tile = first; tile <= last; ++tile) chosen.insert(tile);
    begin = comma + 1;
  }
  return {chosen.begin(), chosen.end()};
}

std::vector<mapping::TileId> choose_tiles(const mapping::Program& program,
                                          const hw::Accelerator& accelerator) {
  const double bytes = kBytesPerInstruction * std::max(1.0, instructions_per_tile(program));
  const double fitting = std::max(1.0, kMostBytes / bytes);
  int step = 1;
  const auto count = [&] {
    return ceil_div(accelerator.rows, step) * ceil_div(accelerator.columns, step);
  };
  while (count() > fitting && count() > 1) ++step;
  std::vector<mapping::TileId> tiles;
  for (int row = std::min(step / 2, accelerator.rows - 1); row < accelerator.rows; row += step)
    for (int column = std::min(step / 2, accelerator.columns - 1); column < accelerator.columns;
         column += step)
      tiles.push_back(accelerator.tile_id({row, column}));
  return tiles;
}

}  // namespace tessera::sim

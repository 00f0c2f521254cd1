#include "mapping/importers/maestro/file.h"

#include <charconv>
#include <optional>

#include "mapping/importers/maestro/lexer.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping::maestro {

namespace {

const std::vector<std::string> kDimensions = {"N", "G", "K",  "C",  "R", "S",
                                              "Y", "X", "Y'", "X'", "M"};
const std::vector<std::string> kTypes = {"CONV", "DSCONV", "NGCONV", "TRCONV", "GEMM"};

/// Integer of the whole word; empty when the word is none or does not fit.
std::optional<std::int64_t> integer_of(const std::string& word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

/// The words of a file with one word of look-ahead, and errors that say where.
class Cursor {
 public:
  Cursor(const std::string& text, const std::string& origin)
      : tokens_(tokenize(text)), origin_(origin) {}

  bool done() const { return next_ == tokens_.size(); }
  bool next_is(const std::string& word) const { return !done() && tokens_[next_].text == word; }
  int line() const {
    return tokens_.empty() ? 1 : tokens_[std::min(next_, tokens_.size() - 1)].line;
  }

  const Token& take(const std::string& expected) {
    if (done())
      throw UserError(origin_, ":", line(), ": the file ends where ", expected, " is expected");
    return tokens_[next_++];
  }
  void take_word(const std::string& word) {
    const Token& token = take("'" + word + "'");
    if (token.text != word) fail(token, "expected '" + word + "'");
  }
  const Token& take_one_of(const std::vector<std::string>& words, const std::string& what) {
    const Token& token = take(what);
    for (const auto& word : words)
      if (token.text == word) return token;
    fail(token, "no " + what + "; " + suggest(token.text, words));
  }
  [[noreturn]] void fail(const Token& token, const std::string& why) const {
    throw UserError(origin_, ":", token.line, ": '", printable(token.text), "': ", why);
  }

 private:
  static std::string printable(std::string word) {
    if (!word.empty() && word.back() == '\r') word.replace(word.size() - 1, 1, "\\r");
    return word;
  }

  std::vector<Token> tokens_;
  std::string origin_;
  std::size_t next_ = 0;
};

class MappingParser {
 public:
  MappingParser(const std::string& text, const std::string& origin) : cursor_(text, origin) {}

  MappingText parse() {
    while (!cursor_.done()) {
      const Token& word = cursor_.take_one_of({"Constant", "Network", "Accelerator"}, "section");
      if (word.text == "Constant") parse_constant();
      if (word.text == "Network") parse_network();
      if (word.text == "Accelerator") skip_block();
    }
    return std::move(mapping_);
  }

 private:
  void parse_constant() {
    const std::string name = cursor_.take("a constant's name").text;
    constants_[name] = number(1);
  }

  /// Names lose their hyphens to the lexer; the last part is the name.
  std::string parse_name() {
    std::string name;
    while (!cursor_.next_is("{")) name = cursor_.take("'{'").text;
    cursor_.take_word("{");
    return name;
  }

  void parse_network() {
    mapping_.network = parse_name();
    while (!cursor_.next_is("}")) {
      const int line = cursor_.line();
      cursor_.take_word("Layer");
      parse_layer(line);
    }
    cursor_.take_word("}");
  }

  void parse_layer(int line) {
    LayerText layer;
    layer.line = line;
    layer.name = parse_name();
    while (!cursor_.next_is("}")) {
      const Token& word =
          cursor_.take_one_of({"Type", "Stride", "Dimensions", "Dataflow"}, "part of a layer");
      if (word.text == "Type") layer.type = cursor_.take_one_of(kTypes, "layer type").text;
      if (word.text == "Stride") layer.strides = parse_extents();
      if (word.text == "Dimensions") layer.dimensions = parse_extents();
      if (word.text == "Dataflow") parse_dataflow(layer);
    }
    const Token& end = cursor_.take("'}'");
    if (layer.type.empty()) cursor_.fail(end, "layer '" + layer.name + "' has no Type");
    if (layer.dimensions.empty()) cursor_.fail(end, "layer '" + layer.name + "' has no Dimensions");
    mapping_.layers.push_back(std::move(layer));
  }

  std::map<std::string, std::int64_t> parse_extents() {
    std::map<std::string, std::int64_t> extents;
    cursor_.take_word("{");
    while (!cursor_.next_is("}")) {
      const Token& dimension = cursor_.take_one_of(kDimensions, "dimension");
      const auto value = number(1);
      if (!extents.emplace(dimension.text, value).second) cursor_.fail(dimension, "given twice");
    }
    cursor_.take_word("}");
    return extents;
  }

  void parse_dataflow(LayerText& layer) {
    layer.has_dataflow = true;
    cursor_.take_word("{");
    while (!cursor_.next_is("}")) {
      const Token& word =
          cursor_.take_one_of({"TemporalMap", "SpatialMap", "Cluster"}, "directive");
      layer.directives.push_back(word.text == "Cluster" ? parse_cluster(layer, word)
                                                        : parse_map(layer, word));
    }
    cursor_.take_word("}");
  }

  Directive parse_map(const LayerText& layer, const Token& word) {
    Directive map;
    map.kind = word.text == "SpatialMap" ? DirectiveKind::kSpatialMap : DirectiveKind::kTemporalMap;
    map.line = word.line;
    map.size = size(layer);
    map.offset = size(layer);
    map.dimension = cursor_.take_one_of(kDimensions, "dimension").text;
    return map;
  }

  Directive parse_cluster(const LayerText& layer, const Token& word) {
    Directive cluster;
    cluster.kind = DirectiveKind::kCluster;
    cluster.line = word.line;
    cluster.size = size(layer);
    cursor_.take_one_of({"P", "L"}, "cluster type");
    return cluster;
  }

  /// INT, a constant, or Sz(dimension) of the layer.
  std::int64_t size(const LayerText& layer) {
    if (!cursor_.next_is("Sz")) return number(1);
    cursor_.take_word("Sz");
    const Token& dimension = cursor_.take_one_of(kDimensions, "dimension");
    const auto found = layer.dimensions.find(dimension.text);
    if (found == layer.dimensions.end())
      cursor_.fail(dimension, "Sz() of a dimension that the layer's Dimensions above do not give");
    return found->second;
  }

  std::int64_t number(std::int64_t least) {
    const Token& token = cursor_.take("a number");
    const auto constant = constants_.find(token.text);
    const auto value = constant != constants_.end() ? constant->second
                                                    : integer_of(token.text).value_or(least - 1);
    if (value < least)
      cursor_.fail(token, "expected a whole number >= " + std::to_string(least) + " or a Constant");
    return value;
  }

  void skip_block() {
    parse_name();
    for (int depth = 1; depth > 0;) {
      const Token& token = cursor_.take("'}'");
      depth += token.text == "{" ? 1 : token.text == "}" ? -1 : 0;
    }
  }

  Cursor cursor_;
  std::map<std::string, std::int64_t> constants_;
  MappingText mapping_;
};

}  // namespace

MappingText parse_mapping(const std::string& text, const std::string& origin) {
  return MappingParser(text, origin).parse();
}

HardwareText parse_hardware(const std::string& text, const std::string& origin) {
  HardwareText hardware;
  const std::map<std::string, std::int64_t HardwareText::*> fields = {
      {"num_pes", &HardwareText::num_pes},
      {"l1_size_cstr", &HardwareText::l1_bytes},
      {"l2_size_cstr", &HardwareText::l2_bytes},
      {"noc_bw_cstr", &HardwareText::noc_bandwidth},
      {"NoC_NumHops", &HardwareText::noc_hops},
      {"offchip_bw_cstr", &HardwareText::offchip_bandwidth}};
  std::vector<std::string> keys;
  for (const auto& [key, field] : fields) keys.push_back(key);
  for (Cursor cursor(text, origin); !cursor.done();) {
    const Token& key = cursor.take_one_of(keys, "hardware key");
    const Token& value = cursor.take("a whole number");
    const std::int64_t least = key.text == "NoC_NumHops" ? 0 : 1;
    const auto number = integer_of(value.text);
    if (!number || *number < least)
      cursor.fail(value, key.text + " needs a whole number >= " + std::to_string(least));
    hardware.*fields.at(key.text) = *number;
  }
  return hardware;
}

}  // namespace tessera::mapping::maestro

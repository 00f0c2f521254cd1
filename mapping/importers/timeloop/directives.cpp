#include "mapping/importers/timeloop/directives.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "sim/base/names.h"

namespace tessera::mapping::importers {

namespace {

/// `C=4`, `C4`, `C=0` (the whole dimension) or `C=4,2` with a residual, several of them in a row.
struct WrittenFactor {
  std::string rank;
  std::int64_t factor = 0;
  std::optional<std::int64_t> residual;
};

class FactorScanner {
 public:
  FactorScanner(const YamlValue& where, std::string text) : where_(where), text_(std::move(text)) {}

  std::vector<WrittenFactor> scan() {
    std::vector<WrittenFactor> factors;
    for (skip(" ,\t\n"); at_ < text_.size(); skip(" ,\t\n")) factors.push_back(factor());
    return factors;
  }

 private:
  WrittenFactor factor() {
    WrittenFactor written;
    while (at_ < text_.size() && (std::isalpha(byte()) || byte() == '_'))
      written.rank += text_[at_++];
    skip(" =");
    if (written.rank.empty()) refuse();
    written.factor = number();
    if (at_ + 1 < text_.size() && text_[at_] == ',' &&
        std::isdigit(static_cast<unsigned char>(text_[at_ + 1]))) {
      ++at_;
      written.residual = number();
    }
    return written;
  }

  std::int64_t number() {
    std::int64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [rest, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) refuse();
    at_ += static_cast<std::size_t>(rest - begin);
    return value;
  }

  unsigned char byte() const { return static_cast<unsigned char>(text_[at_]); }
  void skip(const char* set) { at_ = std::min(text_.find_first_not_of(set, at_), text_.size()); }
  [[noreturn]] void refuse() const {
    where_.fail("'", text_.substr(at_),
                "' is no factor; write DIMENSION=NUMBER or "
                "DIMENSION=NUMBER,RESIDUAL");
  }

  const YamlValue& where_;
  std::string text_;
  std::size_t at_ = 0;
};

class DirectiveReader {
 public:
  DirectiveReader(const TimeloopArchitecture& architecture, const workloads::Network& network)
      : architecture_(architecture), network_(network), layer_(network.layers.front()) {
    for (const auto& unit : architecture.units) {
      auto& directives = units_.emplace_back();
      directives.factors.resize(layer_.ranks.size());
      directives.order = complete({});
      directives.split = layer_.ranks.size();
      directives.kept.assign(network.tensors.size(), unit.kind == TimeloopUnitKind::kStorage);
      directives.no_reuse.assign(network.tensors.size(), false);
      directives.no_multicast = directives.no_neighbour = directives.no_reuse;
    }
  }

  std::vector<UnitDirectives> read(const YamlValue& mapping) {
    for (const auto& directive : mapping.items()) read_directive(directive);
    return std::move(units_);
  }

 private:
  void read_directive(const YamlValue& directive) {
    const auto type = directive.at("type");
    const auto target = directive.at("target");
    if (!seen_.insert(target.text() + " " + type.text()).second)
      directive.fail("a second ", type.text(), " directive for '", target.text(), "'");
    if (type.text() == "temporal") return read_temporal(directive);
    if (type.text() == "spatial") return read_spatial(directive);
    if (type.text() == "dataspace" || type.text() == "datatype" || type.text() == "bypass")
      return read_kept(directive);
    if (type.text() == "skew") directive.fail("skewed fan-outs are not modelled");
    type.fail("'", type.text(),
              "' is no directive type; allowed are temporal, spatial, dataspace, "
              "skew");
  }

  void read_temporal(const YamlValue& directive) {
    directive.allow_only({"target", "type", "factors", "permutation", "no_reuse",
                          "no_temporal_reuse", "rmw_first_update"});
    if (const auto update = directive.find("rmw_first_update"); update && !update->words().empty())
      update->fail("rmw_first_update is not modelled");
    auto& unit = storage(directive.at("target"));
    read_loops(directive, unit);
    mark(directive.find("no_reuse"), unit.no_reuse);
    mark(directive.find("no_temporal_reuse"), unit.no_reuse);
  }

  void read_spatial(const YamlValue& directive) {
    directive.allow_only({"target", "type", "factors", "permutation", "split", "no_link_transfer",
                          "no_reuse", "no_multicast_no_unicast"});
    const int index = fanout(directive.at("target"));
    auto& unit = units_[index];
    read_loops(directive, unit);
    if (const auto split = directive.find("split")) {
      if (split->integer() < 0) split->fail("'", split->text(), "' has to be at least 0");
      unit.split = static_cast<std::size_t>(split->integer());
    }
    mark(directive.find("no_link_transfer"), unit.no_neighbour);
    mark(directive.find("no_reuse"), unit.no_multicast);
    check_mesh(directive, unit, architecture_.units[index]);
  }

  void read_kept(const YamlValue& directive) {
    directive.allow_only({"target", "type", "keep", "bypass", "no_coalesce"});
    auto& unit = storage(directive.at("target"));
    std::vector<bool> keep(network_.tensors.size(), false);
    std::vector<bool> bypass = keep;
    mark(directive.find("keep"), keep);
    mark(directive.find("bypass"), bypass);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (keep[i] && bypass[i])
        directive.fail("'", network_.tensors[i].name, "' is both kept and bypassed");
      if (bypass[i]) unit.kept[i] = false;
    }
  }

  UnitDirectives& storage(const YamlValue& target) {
    const int index = architecture_.component_index(target.text());
    if (index < 0 || architecture_.units[index].kind != TimeloopUnitKind::kStorage)
      target.fail("'", target.text(), "' is no storage of the architecture; ",
                  suggest(target.text(), names(TimeloopUnitKind::kStorage)));
    return units_[index];
  }

  /// The container or component with the mesh or, as version 0.3 names it, the storage above it.
  int fanout(const YamlValue& target) {
    if (const int index = architecture_.fanout_index(target.text()); index >= 0) return index;
    const int above = architecture_.component_index(target.text());
    const auto below = static_cast<std::size_t>(above + 1);
    if (above >= 0 && below < architecture_.units.size() &&
        architecture_.units[below].kind == TimeloopUnitKind::kFanout)
      return above + 1;
    target.fail("'", target.text(), "' has no fan-out; ",
                suggest(target.text(), names(TimeloopUnitKind::kFanout)));
  }

  std::vector<std::string> names(TimeloopUnitKind kind) const {
    std::vector<std::string> names;
    for (const auto& unit : architecture_.units)
      if (unit.kind == kind) names.push_back(unit.name);
    return names;
  }

  void read_loops(const YamlValue& directive, UnitDirectives& unit) {
    if (const auto factors = directive.find("factors")) read_factors(*factors, unit);
    if (const auto order = directive.find("permutation")) unit.order = read_order(*order);
  }

  void read_factors(const YamlValue& value, UnitDirectives& unit) {
    std::set<int> given;
    const auto take = [&](const YamlValue& where) {
      for (const auto& written : FactorScanner(where, where.text()).scan()) {
        const int rank = rank_of(where, written.rank);
        if (!given.insert(rank).second) where.fail("'", written.rank, "' has two factors");
        unit.factors[rank] = factor_of(where, written, layer_.ranks[rank].extent);
      }
    };
    if (!value.is_list()) return take(value);
    for (const auto& item : value.items()) take(item);
  }

  static TimeloopFactor factor_of(const YamlValue& where, const WrittenFactor& written,
                                  std::int64_t extent) {
    const std::int64_t factor = written.factor == 0 ? extent : written.factor;
    const std::int64_t residual = written.residual.value_or(factor);
    if (residual < 1 || residual > factor)
      where.fail("residual ", residual, " of '", written.rank, "' has to be between 1 and ",
                 factor);
    return {factor, residual};
  }

  int rank_of(const YamlValue& where, const std::string& name) const {
    const int rank = layer_.rank_index(name);
    if (rank >= 0) return rank;
    std::vector<std::string> known;
    for (const auto& known_rank : layer_.ranks) known.push_back(known_rank.name);
    where.fail("'", name, "' is no dimension of the problem; ", suggest(name, known));
  }

  std::vector<int> read_order(const YamlValue& value) const {
    std::vector<int> order;
    for (const auto& word : value.words()) {
      for (const auto& name : letters_or_word(word)) {
        const int rank = rank_of(value, name);
        if (std::ranges::find(order, rank) != order.end())
          value.fail("'", name, "' is in the permutation twice");
        order.push_back(rank);
      }
    }
    return complete(order);
  }

  /// "QPC" lists one-letter dimensions unless a dimension has that name.
  std::vector<std::string> letters_or_word(const std::string& word) const {
    if (layer_.rank_index(word) >= 0 || word.size() == 1) return {word};
    std::vector<std::string> letters;
    for (const char letter : word) letters.emplace_back(1, letter);
    return letters;
  }

  /// Ranks that are not listed are outermost, in the problem's order.
  std::vector<int> complete(std::vector<int> order) const {
    for (int rank = 0; rank < static_cast<int>(layer_.ranks.size()); ++rank)
      if (std::ranges::find(order, rank) == order.end()) order.push_back(rank);
    return order;
  }

  void mark(const std::optional<YamlValue>& value, std::vector<bool>& marks) const {
    if (!value) return;
    for (const auto& word : value->words()) {
      const auto tensor = std::ranges::find(network_.tensors, word, &workloads::Tensor::name);
      if (tensor == network_.tensors.end()) {
        std::vector<std::string> known;
        for (const auto& candidate : network_.tensors) known.push_back(candidate.name);
        value->fail("'", word, "' is no data space of the problem; ", suggest(word, known));
      }
      marks[tensor - network_.tensors.begin()] = true;
    }
  }

  void check_mesh(const YamlValue& directive, const UnitDirectives& unit,
                  const TimeloopUnit& hardware) const {
    std::int64_t x = 1;
    std::int64_t y = 1;
    for (std::size_t i = 0; i < unit.order.size(); ++i)
      (i < unit.split ? x : y) *= unit.factors[unit.order[i]].factor;
    if (x > hardware.mesh_x)
      directive.fail("factors on x multiply to ", x, ", mesh x of '", hardware.name, "' is ",
                     hardware.mesh_x);
    if (y > hardware.mesh_y)
      directive.fail("factors on y multiply to ", y, ", mesh y of '", hardware.name, "' is ",
                     hardware.mesh_y);
  }

  const TimeloopArchitecture& architecture_;
  const workloads::Network& network_;
  const workloads::Layer& layer_;
  std::vector<UnitDirectives> units_;
  std::set<std::string> seen_;
};

/// Outermost first: the index of the last iteration, plus one, has to be the dimension.
void check_products(const YamlValue& mapping, const std::vector<UnitDirectives>& units,
                    const workloads::Layer& layer) {
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank) {
    std::int64_t last = 0;
    for (const auto& unit : units)
      last = last * unit.factors[rank].factor + unit.factors[rank].residual - 1;
    if (last + 1 != layer.ranks[rank].extent)
      mapping.fail("factors of dimension '", layer.ranks[rank].name, "' multiply to ", last + 1,
                   ", the problem's is ", layer.ranks[rank].extent);
  }
}

void check_kept(const YamlValue& mapping, const std::vector<UnitDirectives>& units,
                const workloads::Network& network) {
  for (std::size_t tensor = 0; tensor < network.tensors.size(); ++tensor)
    if (std::ranges::none_of(units, [&](const auto& unit) { return unit.kept[tensor]; }))
      mapping.fail("'", network.tensors[tensor].name, "' is kept nowhere");
}

}  // namespace

std::vector<UnitDirectives> read_directives(const YamlValue& mapping,
                                            const TimeloopArchitecture& architecture,
                                            const workloads::Network& network) {
  auto units = DirectiveReader(architecture, network).read(mapping);
  check_products(mapping, units, network.layers.front());
  check_kept(mapping, units, network);
  return units;
}

}  // namespace tessera::mapping::importers

#include "mapping/importers/interstellar/halide_text.h"

#include <algorithm>
#include <map>

#include "mapping/importers/interstellar/halide_calls.h"
#include "mapping/importers/interstellar/levels.h"
#include "sim/base/error.h"
#include "sim/base/names.h"
#include "sim/base/types.h"

namespace tessera::mapping::interstellar {

namespace {

const std::vector<std::pair<std::string, std::string>> kVariables = {
    {"x", "Q"}, {"y", "P"}, {"k", "K"}, {"c", "C"}, {"n", "N"}, {"fx", "S"}, {"fy", "R"}};
const std::vector<std::string> kSubjects = {"input", "output", "weight"};  ///< as kTensorNames
constexpr const char* kOutermost = "outermost";

/// A loop over part of a rank.
struct Variable {
  std::string rank;
  std::int64_t tile = 1;  ///< indices that one iteration covers
  std::int64_t trips = 1;
  bool unrolled = false;
  Axis axis = Axis::kArrayX;
};

/// A store of one tensor, in depth below DRAM, inside the loop named.
struct Placement {
  int tensor = 0;
  std::size_t depth = 0;
  HalideToken loop;
};

/// One array axis: neighbours and, if given, the loop whose iterations repeat them as blocks.
using Unrolled = std::vector<HalideToken>;

class Reader {
 public:
  Reader(const std::string& origin, const workloads::Layer& layer, const Architecture& architecture)
      : origin_(origin), layer_(layer), architecture_(architecture) {
    for (const auto& [name, rank] : kVariables)
      variables_[name] = {rank, 1, layer.ranks[layer.rank_index(rank)].extent};
  }

  Schedule read(const std::string& text) {
    for (const auto& statement : parse_halide(text, origin_)) take(statement);
    if (accelerate_.text.empty()) throw UserError(origin_, ": no call of accelerate");
    if (order_.empty()) fail(accelerate_, "no call of reorder, which lists all loops");
    place_axes();
    check_architecture();
    check_scope();
    return {layer_.name, origin_, build()};
  }

 private:
  [[noreturn]] void fail(const HalideToken& token, const std::string& what) const {
    fail_at(origin_, token, what);
  }

  void take(const HalideStatement& statement) {
    const auto subject = std::ranges::find(kSubjects, statement.subject.text);
    if (subject == kSubjects.end())
      fail(statement.subject, "no tensor; " + suggest(statement.subject.text, kSubjects));
    if (statement.calls.front().name.text == "in")
      return place(static_cast<int>(subject - kSubjects.begin()), statement.calls);
    if (*subject != "output")
      fail(statement.calls.front().name, "only the output's loops are scheduled; use in()");
    for (const auto& call : statement.calls) schedule(call);
  }

  void expect_arguments(const HalideCall& call, std::size_t least, std::size_t most) const {
    if (call.arguments.size() < least || call.arguments.size() > most)
      fail(call.name, detail::concatenate(call.arguments.size(), " arguments; ",
                                          least == most ? detail::concatenate(least)
                                                        : detail::concatenate(least, " to ", most),
                                          " are expected"));
  }

  const HalideToken& plain(const HalideCall& call, std::size_t i) const {
    if (call.arguments[i].list) fail(call.arguments[i].tokens.front(), "no list is expected here");
    return call.arguments[i].tokens.front();
  }

  void schedule(const HalideCall& call) {
    const auto& name = call.name.text;
    if (name == "split") return split(call);
    if (name == "reorder") return reorder(call);
    if (name == "unroll") return unroll(call);
    if (name == "systolic") return systolic(call);
    if (name == "accelerate") return accelerate(call);
    fail(call.name, "no call of a schedule; " +
                        suggest(name, {"split", "reorder", "unroll", "systolic", "accelerate", "in",
                                       "compute_at", "compute_root"}));
  }

  Variable& variable(const HalideToken& token) {
    const auto found = variables_.find(token.text);
    if (found != variables_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, unused] : variables_) names.push_back(name);
    fail(token, "no loop of that name; " + suggest(token.text, names));
  }

  /// The inner loop has `factor` iterations; the outer one as many as cover the rest.
  void split(const HalideCall& call) {
    expect_arguments(call, 4, 4);
    if (!order_.empty()) fail(call.name, "stands after reorder");
    const Variable whole = variable(plain(call, 0));
    const std::int64_t factor = number(plain(call, 3));
    variables_.erase(plain(call, 0).text);
    add(plain(call, 1), {whole.rank, whole.tile * factor, ceil_div(whole.trips, factor)});
    add(plain(call, 2), {whole.rank, whole.tile, factor});
  }

  void add(const HalideToken& name, const Variable& loop) {
    if (!variables_.emplace(name.text, loop).second || name.text == kOutermost)
      fail(name, "the name is taken");
  }

  std::int64_t number(const HalideToken& token) const {
    std::int64_t value = 0;
    for (const char c : token.text) {
      if (c < '0' || c > '9' || value > 1'000'000'000)
        fail(token, "a number of 1 to 10^9 is expected");
      value = 10 * value + (c - '0');
    }
    if (value < 1) fail(token, "a number of 1 to 10^9 is expected");
    return value;
  }

  void reorder(const HalideCall& call) {
    if (!order_.empty()) fail(call.name, "a second reorder");
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const auto& token = plain(call, i);
      variable(token);
      if (position_.contains(token.text)) fail(token, "listed twice");
      position_[token.text] = 0;
      order_.insert(order_.begin(), token.text);
    }
    for (const auto& [name, loop] : variables_)
      if (!position_.contains(name) && loop.trips > 1)
        fail(call.name,
             detail::concatenate("loop ", name, " of ", loop.trips, " iterations is not listed"));
    for (std::size_t i = 0; i < order_.size(); ++i) position_[order_[i]] = i + 1;
  }

  void unroll(const HalideCall& call) {
    expect_arguments(call, 1, 2);
    Unrolled axis;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      Variable& loop = variable(plain(call, i));
      if (loop.unrolled) fail(plain(call, i), "unrolled twice");
      loop.unrolled = true;
      axis.push_back(plain(call, i));
    }
    axes_.push_back(axis);
  }

  void systolic(const HalideCall& call) {
    expect_arguments(call, 0, 0);
    systolic_ = call.name;
    is_systolic_ = true;
  }

  void accelerate(const HalideCall& call) {
    expect_arguments(call, 3, 3);
    if (!accelerate_.text.empty()) fail(call.name, "a second accelerate");
    accelerate_ = call.name;
    std::vector<std::string> named;
    if (!call.arguments[0].list) fail(plain(call, 0), "a list, {input, weight}, is expected");
    for (const auto& tensor : call.arguments[0].tokens) named.push_back(tensor.text);
    std::ranges::sort(named);
    if (named != std::vector<std::string>{"input", "weight"})
      fail(call.arguments[0].tokens.front(), "{input, weight} is expected: both come from DRAM");
    innermost_ = plain(call, 1);
    block_ = plain(call, 2);
  }

  void place(int tensor, const std::vector<HalideCall>& calls) {
    Placement placement{tensor, 0, {}};
    while (placement.depth < calls.size() && calls[placement.depth].name.text == "in") {
      expect_arguments(calls[placement.depth], 0, 0);
      ++placement.depth;
    }
    if (placement.depth + 1 != calls.size())
      fail(calls.back().name, "in() is followed by one compute_at or compute_root");
    const auto& at = calls.back();
    if (at.name.text == "compute_root") {
      expect_arguments(at, 0, 0);
      placement.loop = {kOutermost, at.name.line};
    } else if (at.name.text == "compute_at") {
      expect_arguments(at, 2, 2);
      if (plain(at, 0).text != "output") fail(plain(at, 0), "output is expected");
      placement.loop = plain(at, 1);
    } else {
      fail(at.name, "compute_at or compute_root is expected");
    }
    check_level(tensor, placement, at.name);
    placements_.push_back(placement);
  }

  void check_level(int tensor, const Placement& placement, const HalideToken& call) const {
    const std::size_t levels = architecture_.levels.size();
    if (placement.depth >= levels)
      fail(call, detail::concatenate(placement.depth, " memories below DRAM; the architecture has ",
                                     levels - 1));
    if (!architecture_.levels[levels - 1 - placement.depth].holds[tensor])
      fail(call, "the architecture's memory does not hold this tensor");
    for (const auto& other : placements_)
      if (other.tensor == tensor && other.depth == placement.depth)
        fail(call, "this memory of the tensor has its place already");
  }

  /// Loops around a place: 0 outermost.
  std::size_t position(const HalideToken& loop) const {
    if (loop.text == kOutermost) return 0;
    const auto found = position_.find(loop.text);
    if (found == position_.end()) fail(loop, "no loop of that name");
    return found->second;
  }

  /// The first axis is the array's columns when it is the only one, else axes alternate, as in the
  /// JSON.
  void place_axes() {
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      for (const auto& token : axes_[i])
        variable(token).axis = i % 2 == 0 && axes_.size() > 1 ? Axis::kArrayY : Axis::kArrayX;
      if (axes_[i].size() == 2 && position(axes_[i][0]) != position(axes_[i][1]) + 1)
        fail(axes_[i][1], "a repeated block stands directly around the loop of its neighbours");
    }
  }

  void check_architecture() const {
    std::int64_t units = 1;
    for (const auto& [name, loop] : variables_)
      if (loop.unrolled) units *= loop.trips;
    const auto& array = architecture_.levels[array_level(architecture_)];
    const HalideToken& where = axes_.empty() ? accelerate_ : axes_.front().front();
    if (units > array.parallel_count)
      fail(where, detail::concatenate("unrolled over ", units, " units of ", array.parallel_count));
    const bool neighbours = array.parallel_mode == ParallelMode::kNeighbour;
    if (is_systolic_ && !neighbours)
      fail(systolic_, "the architecture's units do not pass words on to neighbours");
    if (!is_systolic_ && neighbours && !axes_.empty())
      fail(where, "the architecture's units pass words on to neighbours; say systolic()");
  }

  /// What accelerate names is where the accelerator begins and ends.
  void check_scope() const {
    if (position(innermost_) != order_.size())
      fail(innermost_, "the innermost loop, " + order_.back() + ", is expected");
    for (const auto& placement : placements_)
      if (position(placement.loop) < position(block_))
        fail(placement.loop,
             "a memory outside the accelerator, whose outermost loop runs inside " + block_.text);
  }

  Node build() const {
    std::vector<Node> chain = {store_node(architecture_.levels.size() - 1, architecture_)};
    append_stores(0, chain);
    std::map<std::string, std::int64_t> left;
    for (const auto& rank : layer_.ranks) left[rank.name] = rank.extent;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const Variable& loop = variables_.at(order_[i]);
      chain.push_back(loop.unrolled ? split_node(loop) : loop_node(loop, left));
      left[loop.rank] = std::min(left[loop.rank], loop.tile);
      append_stores(i + 1, chain);
    }
    Node leaf;
    leaf.kind = NodeKind::kLayer;
    leaf.layer.layer = layer_.name;
    chain.push_back(leaf);
    return chain_of(std::move(chain));
  }

  static Node split_node(const Variable& loop) {
    Node node;
    node.kind = NodeKind::kSplit;
    node.split.ranks = {{"", loop.rank, ""}};
    node.split.size = loop.tile;
    node.split.ways = static_cast<int>(loop.trips);
    node.split.axis = loop.axis;
    return node;
  }

  static Node loop_node(const Variable& loop, std::map<std::string, std::int64_t>& left) {
    Node node;
    node.kind = NodeKind::kLoop;
    node.loop.ranks = {{"", loop.rank, ""}};
    node.loop.tile = loop.tile;
    if (loop.trips != ceil_div(left[loop.rank], loop.tile)) node.loop.count = loop.trips;
    return node;
  }

  /// Stores inside so many loops, outer memories first; tensors of one memory in one node.
  void append_stores(std::size_t inside, std::vector<Node>& chain) const {
    for (std::size_t depth = 1; depth < architecture_.levels.size(); ++depth) {
      Node store = store_node(architecture_.levels.size() - 1 - depth, architecture_);
      std::erase_if(store.store.tensors, [&](const StoredTensor& stored) {
        return std::ranges::none_of(placements_, [&](const Placement& placement) {
          return placement.depth == depth && kTensorNames[placement.tensor] == stored.tensor &&
                 position(placement.loop) == inside;
        });
      });
      if (!store.store.tensors.empty()) chain.push_back(std::move(store));
    }
  }

  const std::string& origin_;
  const workloads::Layer& layer_;
  const Architecture& architecture_;
  std::map<std::string, Variable> variables_;
  std::vector<std::string> order_;               ///< outermost first
  std::map<std::string, std::size_t> position_;  ///< from 1, the outermost loop
  std::vector<Unrolled> axes_;
  std::vector<Placement> placements_;
  HalideToken accelerate_, innermost_, block_, systolic_;
  bool is_systolic_ = false;
};

}  // namespace

bool is_halide_text(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] != '{' &&
         text.find("accelerate") != std::string::npos && text.find("reorder") != std::string::npos;
}

Schedule read_halide(const std::string& text, const std::string& origin,
                     const workloads::Layer& layer, const Architecture& architecture) {
  return Reader(origin, layer, architecture).read(text);
}

}  // namespace tessera::mapping::interstellar

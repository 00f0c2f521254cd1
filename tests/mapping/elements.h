// Elements of tensors one by one, the terms that are added to them, and what has been produced, for
// the slow judge of programs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mapping/program.h"

namespace tessera::test {

/// What is wrong with a program.
struct Fault {
  std::string text;
};

/// Per element the sum of the numbers of all terms that went into it; for inputs merely present.
using Contents = std::map<std::int64_t, std::uint64_t>;
using Point = std::vector<std::int64_t>;  ///< an index for each rank of a layer

std::set<std::int64_t> keys(const Contents& contents);

void for_each_point(const workloads::RankTile& tile,
                    const std::function<void(const Point&)>& visit);

/// Numbers the points of a layer so that sums of them tell which were added and how often.
std::uint64_t number_of(const workloads::Layer& layer, const Point& point);

/// Numbers of the elements of a network's tensors, as stored.
class Elements {
 public:
  explicit Elements(const workloads::Network& network) : network_(network) {}

  std::vector<std::int64_t> of(workloads::TensorId tensor, const workloads::Region& region) const;
  /// Nothing has been added yet to what an operand needs of these ranks.
  Contents empty(const workloads::Operand& operand, const workloads::RankTile& ranks) const;
  /// What an operand touches at a point; -1 for padding.
  std::int64_t at(const workloads::Operand& operand, const Point& point) const;

 private:
  const workloads::Network& network_;
};

/// What can be received, from DRAM or from tiles.
class Produced {
 public:
  explicit Produced(const mapping::Program& program);

  /// Fault when an element was there before.
  void publish(workloads::TensorId tensor, const Contents& contents);
  /// Tiles keep the element beside DRAM for stages up to this one.
  void keep(workloads::TensorId tensor, std::int64_t element, int until);
  bool readable(workloads::TensorId tensor, std::int64_t element, int stage) const;
  /// Fault unless every element of every layer's output has all of its terms and no others.
  void check() const;

 private:
  const workloads::Network& network_;
  Elements elements_;
  std::vector<Contents> written_;  ///< per tensor
  /// Elements that tiles keep beside DRAM: the last stage for which they do.
  std::map<std::pair<workloads::TensorId, std::int64_t>, int> kept_;
};

}  // namespace tessera::test

#include "mapping/dram_order.h"

#include <cmath>

namespace tessera::mapping {

std::vector<int> dram_order(const workloads::Tensor& tensor) {
  if (tensor.kind != workloads::TensorKind::kWeight && tensor.extents.size() == 4)
    return {0, 2, 3, 1};
  std::vector<int> order;
  for (int d = 0; d < static_cast<int>(tensor.extents.size()); ++d) order.push_back(d);
  return order;
}

std::int64_t run_elements(const workloads::Tensor& tensor,
                          const std::vector<std::int64_t>& region) {
  const auto order = dram_order(tensor);
  std::int64_t run = 1;
  for (std::size_t p = order.size(); p-- > 0;) {
    const auto d = static_cast<std::size_t>(order[p]);
    run *= region[d];
    if (region[d] < tensor.extents[d]) break;
  }
  return run;
}

double burst_bytes_of_run(double run_bytes, double burst_bytes) {
  const double bursts = run_bytes / burst_bytes;
  const bool whole = bursts == std::floor(bursts);
  return (whole ? bursts : std::floor(bursts) + 1.5) * burst_bytes;
}

}  // namespace tessera::mapping

#include "workloads/network.h"

#include <algorithm>
#include <filesystem>

#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/names.h"
#include "workloads/onnx/importer.h"
#include "workloads/text_network.h"

namespace tessera::workloads {

namespace {

constexpr const char* kZoo = "zoo";

bool looks_like_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.find('.') != std::string::npos;
}

}  // namespace

std::int64_t Tensor::elements() const {
  std::int64_t product = 1;
  for (const auto extent : extents) product *= extent;
  return product;
}

std::int64_t Network::macs() const {
  std::int64_t sum = 0;
  for (const auto& layer : layers) sum += layer.macs();
  return sum;
}

std::int64_t Network::weights() const {
  std::int64_t sum = 0;
  for (const auto& tensor : tensors)
    if (tensor.kind == TensorKind::kWeight) sum += tensor.elements();
  return sum;
}

std::vector<LayerId> Network::producers(TensorId tensor) const {
  std::vector<LayerId> found;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].output.tensor == tensor) found.push_back(static_cast<LayerId>(i));
  return found;
}

std::vector<LayerId> Network::consumers(TensorId tensor) const {
  std::vector<LayerId> found;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (std::ranges::any_of(layers[i].inputs, [&](const Operand& o) { return o.tensor == tensor; }))
      found.push_back(static_cast<LayerId>(i));
  return found;
}

Network load_network(const std::string& name_or_path, std::int64_t batch) {
  const std::filesystem::path path(name_or_path);
  if (!looks_like_path(name_or_path))
    return load_text_network(data_file(kZoo, name_or_path).string(), batch);
  if (path.extension() == ".textproto") return load_text_network(name_or_path, batch);
  if (path.extension() == ".onnx") return load_onnx_network(name_or_path, batch);
  throw UserError(name_or_path,
                  ": unknown kind of network; a zoo name, .textproto or .onnx is "
                  "allowed; zoo: ",
                  join(list_data_files(kZoo)));
}

std::vector<ZooEntry> list_zoo() {
  std::vector<ZooEntry> entries;
  for (const auto& name : list_data_files(kZoo))
    entries.push_back({name, text_network_summary(data_file(kZoo, name).string())});
  return entries;
}

}  // namespace tessera::workloads

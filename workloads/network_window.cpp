#include "workloads/network_window.h"

#include <algorithm>

namespace tessera::workloads {

namespace {

class Cutter {
 public:
  Cutter(const Network& network, LayerSpan span, const std::vector<bool>& on_chip)
      : network_(network), span_(span), on_chip_(on_chip), ids_(network.tensors.size(), -1) {
    window_.name = network.name;
    window_.batch = network.batch;
  }

  std::optional<Network> cut() {
    for (LayerId l = span_.first; l <= span_.last; ++l) {
      Layer layer = network_.layers[l];
      for (auto& input : layer.inputs) input.tensor = tensor_of(input.tensor);
      if (is_shared(layer.output.tensor)) {
        if (!give_own_output(layer)) return std::nullopt;
      } else {
        layer.output.tensor = tensor_of(layer.output.tensor);
      }
      window_.layers.push_back(std::move(layer));
    }
    return std::move(window_);
  }

 private:
  bool inside(const std::vector<LayerId>& layers) const {
    return std::ranges::all_of(layers, [&](LayerId l) { return span_.holds(l); });
  }
  bool outside(const std::vector<LayerId>& layers) const {
    return std::ranges::none_of(layers, [&](LayerId l) { return span_.holds(l); });
  }

  /// Written by layers on both sides.
  bool is_shared(TensorId tensor) const {
    const auto writers = network_.producers(tensor);
    return !inside(writers) && !outside(writers);
  }

  TensorKind kind_of(TensorId tensor) const {
    const auto kind = network_.tensors[tensor].kind;
    if (kind == TensorKind::kWeight || kind == TensorKind::kInput) return kind;
    const auto writers = network_.producers(tensor);
    if (!inside(writers)) return TensorKind::kInput;
    const auto readers = network_.consumers(tensor);
    if (kind == TensorKind::kOutput || outside(readers)) return TensorKind::kOutput;
    const bool stays = std::ranges::any_of(
        writers, [&](LayerId l) { return on_chip_[static_cast<std::size_t>(l)]; });
    return inside(readers) || stays ? TensorKind::kIntermediate : TensorKind::kOutput;
  }

  TensorId tensor_of(TensorId tensor) {
    auto& id = ids_[static_cast<std::size_t>(tensor)];
    if (id >= 0) return id;
    id = static_cast<TensorId>(window_.tensors.size());
    window_.tensors.push_back(network_.tensors[static_cast<std::size_t>(tensor)]);
    window_.tensors.back().kind = kind_of(tensor);
    return id;
  }

  /// A tensor of exactly what the layer writes.
  bool give_own_output(Layer& layer) {
    Tensor own = network_.tensors[static_cast<std::size_t>(layer.output.tensor)];
    own.name += "." + layer.name;
    own.kind = TensorKind::kOutput;
    const Region written = region_of(layer.output, layer.whole());
    for (std::size_t d = 0; d < own.extents.size(); ++d) {
      const auto& range = written.dimensions[d];
      if (range.step != 1) return false;
      auto& access = layer.output.dimensions[d];
      access.offset -= range.begin;
      access.valid_begin = 0;
      access.valid_end = range.count;
      own.extents[d] = range.count;
    }
    layer.output.tensor = static_cast<TensorId>(window_.tensors.size());
    window_.tensors.push_back(std::move(own));
    return true;
  }

  const Network& network_;
  LayerSpan span_;
  const std::vector<bool>& on_chip_;
  std::vector<TensorId> ids_;  ///< of the window, by ids of the network; -1: not in it yet
  Network window_;
};

}  // namespace

std::optional<Network> window_of(const Network& network, LayerSpan span,
                                 const std::vector<bool>& on_chip) {
  return Cutter(network, span, on_chip).cut();
}

}  // namespace tessera::workloads

#include "tests/support/random_layer.h"

#include "sim/base/error.h"
#include "sim/base/random.h"
#include "workloads/graph_builder.h"

namespace tessera::test {

using workloads::Function;
using workloads::GraphBuilder;
using workloads::Value;
using workloads::WindowSpec;

namespace {

using Shape = std::vector<std::int64_t>;

/// Draws one network after the other from one stream of random numbers.
class Generator {
 public:
  Generator(const std::string& name, std::uint64_t seed)
      : random_(seed), builder_(detail::concatenate(name, "_", seed), 1) {}

  Value input(const Shape& shape) { return builder_.input(next("input"), shape); }

  Shape feature_map(std::int64_t channels) {
    return {random_.between(1, 2), channels, random_.between(1, 9), random_.between(1, 9)};
  }

  Value convolution(const Value& input, std::int64_t groups, std::int64_t filters_per_group) {
    const WindowSpec window = convolution_window(input.shape());
    const Value weight =
        builder_.weight(next("weight"), {groups * filters_per_group, input.shape()[1] / groups,
                                         window.kernel[0], window.kernel[1]});
    return builder_.convolution(next("convolution"), input, weight, window, groups);
  }

  Value fully_connected(const Value& input) {
    return builder_.fully_connected(next("fully_connected"), input, random_.between(1, 20));
  }

  Value matrix_product() {
    const std::int64_t n = random_.between(1, 3);
    const std::int64_t reduced = random_.between(1, 16);
    const Value a = input({n, random_.between(1, 12), reduced});
    const Value b = input({n, reduced, random_.between(1, 12)});
    return builder_.matrix_product(next("matrix_product"), a, b);
  }

  /// Without dilation, so that every window meets the feature map.
  Value pool(const Value& input, Function function) {
    WindowSpec window = convolution_window(input.shape());
    window.dilation = {1, 1};
    for (int axis = 0; axis < 2; ++axis) pad(window, axis, input.shape()[2 + axis]);
    return builder_.pool(next("pool"), function, input, window, random_.bernoulli(0.5));
  }

  Value add(const Value& a, const Value& b) {
    return builder_.map(next("add"), Function::kAdd, {a, b});
  }

  workloads::Network finish(const Value& output) { return builder_.finish({output}); }

  Random& random() { return random_; }

 private:
  std::string next(const std::string& name) { return detail::concatenate(name, named_++); }

  WindowSpec convolution_window(const Shape& map) {
    WindowSpec window;
    window.pad_begin = window.pad_end = {0, 0};
    for (int axis = 0; axis < 2; ++axis) {
      window.kernel.push_back(random_.between(1, 4));
      window.stride.push_back(random_.between(1, 3));
      window.dilation.push_back(random_.bernoulli(0.25) ? 2 : 1);
      pad(window, axis, map[2 + axis]);
    }
    return window;
  }

  /// Padding on each side is less than the window, and there is room for one window at least.
  void pad(WindowSpec& window, int axis, std::int64_t size) {
    const std::int64_t extent = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    window.pad_begin[axis] = random_.between(0, extent - 1);
    window.pad_end[axis] = random_.between(0, extent - 1);
    const std::int64_t missing = extent - size - window.pad_begin[axis] - window.pad_end[axis];
    if (missing <= 0) return;
    // Both sides can grow to extent - 1, and any stored element then completes a window.
    window.pad_begin[axis] = window.pad_end[axis] = extent - 1;
  }

  Random random_;
  GraphBuilder builder_;
  int named_ = 0;
};

/// Additions need the shape of an earlier value; otherwise a window operation that keeps things
/// small.
Value extend(Generator& generator, const std::vector<Value>& values) {
  Random& random = generator.random();
  const Value& last = values.back();
  for (const auto& earlier : values)
    if (&earlier != &last && earlier.shape() == last.shape() && random.bernoulli(0.5))
      return generator.add(earlier, last);
  const std::int64_t channels = last.shape()[1];
  switch (random.below(4)) {
    case 0:
      return generator.pool(last, Function::kMaxPool);
    case 1:
      return generator.convolution(last, channels, 1);
    default:
      return generator.convolution(last, 1, random.between(1, 8));
  }
}

}  // namespace

workloads::Network random_layer(LayerForm form, std::uint64_t seed) {
  Generator generator("layer", seed);
  Random& random = generator.random();
  const auto map = [&](std::int64_t channels) {
    return generator.input(generator.feature_map(channels));
  };
  switch (form) {
    case LayerForm::kConvolution:
      return generator.finish(
          generator.convolution(map(random.between(1, 8)), 1, random.between(1, 12)));
    case LayerForm::kGrouped: {
      const std::int64_t groups = random.between(2, 4);
      const Value input = map(groups * random.between(1, 4));
      return generator.finish(generator.convolution(input, groups, random.between(1, 4)));
    }
    case LayerForm::kDepthwise: {
      const std::int64_t channels = random.between(2, 12);
      return generator.finish(generator.convolution(map(channels), channels, random.between(1, 2)));
    }
    case LayerForm::kFullyConnected:
      return generator.finish(generator.fully_connected(map(random.between(1, 8))));
    case LayerForm::kMatrixProduct:
      return generator.finish(generator.matrix_product());
    case LayerForm::kMaxPool:
      return generator.finish(generator.pool(map(random.between(1, 12)), Function::kMaxPool));
    case LayerForm::kAveragePool:
      return generator.finish(generator.pool(map(random.between(1, 12)), Function::kAveragePool));
    case LayerForm::kAdd: {
      const Shape shape = generator.feature_map(random.between(1, 12));
      const Value a = generator.input(shape);
      return generator.finish(generator.add(a, generator.input(shape)));
    }
  }
  throw InvariantViolation("random layer", 0, "no such form");
}

workloads::Network random_layer(std::uint64_t seed) {
  Random random(seed);
  return random_layer(static_cast<LayerForm>(random.below(kLayerForms)), random.next());
}

workloads::Network random_network(int layers, std::uint64_t seed) {
  Generator generator("network", seed);
  std::vector<Value> values = {
      generator.input(generator.feature_map(generator.random().between(1, 6)))};
  for (int i = 1; i < layers; ++i) {
    const Value next = extend(generator, values);
    values.push_back(next);
  }
  return generator.finish(generator.fully_connected(values.back()));
}

}  // namespace tessera::test

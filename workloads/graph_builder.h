// Builds a Network operator by operator. Everything that only rearranges indices stays a view and
// vanishes into the projections of the layers that read it; what no projection can express becomes
// a kMove layer. The text loader and the ONNX importer both stand on this.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "workloads/iteration_space.h"
#include "workloads/network.h"
#include "workloads/view.h"

namespace tessera::workloads {

/// A result an operator can read: a view of a stored tensor.
struct Value {
  std::string name;
  View view;
  /// Rank names for layers that walk this value element by element; empty: chosen by the number of
  /// dimensions.
  std::vector<std::string> labels;
  /// The one layer that wrote all of it and nothing else; -1 otherwise.
  LayerId producer = -1;

  std::vector<std::int64_t> shape() const { return view.shape(); }
  int rank() const { return view.rank(); }
};

/// One entry per spatial dimension (height, width; one dimension is height only).
struct WindowSpec {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> pad_begin;
  std::vector<std::int64_t> pad_end;
  bool ceil_mode = false;
};

/// Errors are UserErrors that start with the layer's name; a caller adds the file.
class GraphBuilder {
 public:
  /// `batch` is the extent of the first dimension of batched inputs, kept for the record.
  /// `outputs` names the values that must stay whole tensors of their own: they are not laid into
  /// concatenations.
  GraphBuilder(std::string name, std::int64_t batch, std::set<std::string> outputs = {});

  Value input(const std::string& name, const std::vector<std::int64_t>& shape);
  Value weight(const std::string& name, const std::vector<std::int64_t>& shape);

  /// Input N, C, spatial...; weight K, C per group, kernel... with K over all groups.
  Value convolution(const std::string& name, const Value& input, const Value& weight,
                    const WindowSpec& window, std::int64_t groups);
  /// All dimensions but the first are reduced: N, C, H, W times K, C, H, W (or N, C times K, C).
  Value fully_connected(const std::string& name, const Value& input, std::int64_t outputs);
  /// NumPy matrix product of operands with two or more dimensions. With `merge_heads` the result's
  /// storage is N, M, heads x K although its logical shape is N, heads, M, K.
  Value matrix_product(const std::string& name, const Value& a, const Value& b,
                       bool merge_heads = false);
  /// Max or average over a window; kMaxPool or kAveragePool.
  Value pool(const std::string& name, Function function, const Value& input,
             const WindowSpec& window, bool count_padding);
  /// Max or average over whole dimensions, which stay with extent one.
  Value reduce(const std::string& name, Function function, const Value& input,
               const std::set<int>& axes);
  /// Element-wise function with NumPy broadcasting.
  Value map(const std::string& name, Function function, const std::vector<Value>& inputs);
  Value softmax(const std::string& name, const Value& input, const std::set<int>& axes);
  /// kLayerNorm over the given dimensions or kBatchNorm (none). Scale and shift are not modelled.
  Value normalise(const std::string& name, Function function, const Value& input,
                  const std::set<int>& axes);
  /// x / f(sum of squares over `size` neighbouring channels), for an even size one more after than
  /// before.
  Value local_response_norm(const std::string& name, const Value& input, std::int64_t size);

  /// Producers write into ranges of one tensor. A run of inputs that has been concatenated before
  /// is taken as that tensor, so a dense block's growing concatenations share their storage; other
  /// values that already lie in a concatenation, and network inputs, are copied.
  Value concat(const std::string& name, const std::vector<Value>& inputs, int axis);
  Value transpose(const Value& input, const std::vector<int>& order);
  Value reshape(const std::string& name, const Value& input,
                const std::vector<std::int64_t>& shape);
  Value slice(const std::string& name, const Value& input, int axis, std::int64_t begin,
              std::int64_t count, std::int64_t step);
  Value broadcast(const std::string& name, const Value& input,
                  const std::vector<std::int64_t>& shape);
  Value repeat(const Value& input, int axis, std::int64_t factor);
  /// N, T, heads x D seen as N, heads, T, D.
  Value split_heads(const std::string& name, const Value& input, std::int64_t heads);

  /// Fuses the function into the producer's write. False when another function is there already or
  /// the value is not one layer's whole result. The caller knows that nobody else reads the value.
  bool fuse(const Value& value, Function activation);
  /// True when the value is the whole result of one matrix layer without activation.
  bool is_plain_matrix_result(const Value& value) const;

  /// What the next layers come from, for messages.
  void set_origin(const std::string& origin) { origin_ = origin; }

  /// What to do with results that nobody reads when outputs are named. Exporters leave layers
  /// behind of which only the shape is used; in a text they are mistakes.
  enum class Unread { kRefuse, kDrop };
  /// The finished network. `outputs`: the values that leave the chip; none: whatever no layer
  /// reads.
  Network finish(const std::vector<Value>& outputs, Unread unread = Unread::kRefuse);

 private:
  struct Placement {
    TensorId whole = -1;  ///< -1: a tensor of its own
    int axis = 0;
    std::int64_t offset = 0;
  };
  struct Concatenation {
    int axis = 0;
    std::vector<View> inputs;
    Value whole;
  };
  struct Source {
    View view;
    OperandUse use;
    OperandRole role = OperandRole::kInput;
  };

  TensorId add_tensor(const std::string& name, TensorKind kind,
                      const std::vector<std::int64_t>& extents);
  Value new_value(const std::string& name, const std::vector<std::int64_t>& shape);
  /// Resolves views into operands (moving data where they do not fit) and appends the layer.
  Value add_layer(Layer layer, IterationSpace& space, std::vector<Source> sources, Value result,
                  const OperandUse& result_use, const std::vector<int>& whole_loops = {});
  void check_product(const std::string& name, const Value& a, const Value& b) const;
  Value product_result(const std::string& name, const std::vector<std::int64_t>& shape,
                       bool merge_heads);
  View materialise(const std::string& name, const View& view,
                   const std::vector<std::string>& labels = {});
  void move(const std::string& name, const View& from, const View& to,
            const std::vector<std::string>& labels);
  /// The view's elements in storage order under one dimension (after the batch), so that any shape
  /// fits.
  View materialise_flat(const std::string& name, const View& view, bool keep_first);
  View compatible(const std::string& layer, std::size_t index, Source& source,
                  IterationSpace& space);
  std::vector<Value> with_known_runs(const std::vector<Value>& inputs, int axis) const;
  const Concatenation* known_run(const std::vector<Value>& inputs, std::size_t first,
                                 int axis) const;
  bool can_be_laid_into(const Value& value) const;
  void mark_outputs(const std::vector<Value>& outputs);
  void resolve_placements();
  std::vector<std::int64_t> extents(TensorId tensor) const {
    return network_.tensors[tensor].extents;
  }

  Network network_;
  std::vector<Placement> placements_;  ///< per tensor
  std::vector<Concatenation> concatenations_;
  std::set<std::string> outputs_;
  std::set<std::string> tensor_names_;
  std::set<std::string> layer_names_;
  std::string origin_;
};

/// Rank names of an element-wise walk over so many dimensions: N, C, P, Q and the like.
std::vector<std::string> default_labels(int dimensions);

}  // namespace tessera::workloads

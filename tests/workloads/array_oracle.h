// Plain dense arrays with NumPy's rearrangements, each written as a copy loop: what views must
// agree with.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

namespace tessera::workloads::oracle {

using Shape = std::vector<std::int64_t>;

struct Array {
  Shape shape;
  std::vector<std::int32_t> data;
};

inline std::int64_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// Row-major position to index and back.
inline Shape unravel(std::int64_t position, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = position % shape[i];
    position /= shape[i];
  }
  return index;
}
inline std::int64_t ravel(const Shape& index, const Shape& shape) {
  std::int64_t position = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) position = position * shape[i] + index[i];
  return position;
}

/// Array of the given shape whose element at an index is the source's element at `from(index)`.
inline Array gather(const Array& source, const Shape& shape,
                    const std::function<Shape(const Shape&)>& from) {
  Array result{shape, {}};
  for (std::int64_t i = 0; i < size_of(shape); ++i)
    result.data.push_back(
        source.data[static_cast<std::size_t>(ravel(from(unravel(i, shape)), source.shape))]);
  return result;
}

inline Array transpose(const Array& a, const std::vector<int>& order) {
  Shape shape;
  for (const int d : order) shape.push_back(a.shape[d]);
  return gather(a, shape, [&](const Shape& index) {
    Shape source(index.size());
    for (std::size_t i = 0; i < order.size(); ++i) source[order[i]] = index[i];
    return source;
  });
}

inline Array slice(const Array& a, int axis, std::int64_t begin, std::int64_t count,
                   std::int64_t step) {
  Shape shape = a.shape;
  shape[axis] = count;
  return gather(a, shape, [&](Shape index) {
    index[axis] = begin + step * index[axis];
    return index;
  });
}

inline Array repeat(const Array& a, int axis, std::int64_t factor) {
  Shape shape = a.shape;
  shape[axis] *= factor;
  return gather(a, shape, [&](Shape index) {
    index[axis] /= factor;
    return index;
  });
}

/// Same rank; dimensions of one stretch.
inline Array broadcast(const Array& a, const Shape& shape) {
  return gather(a, shape, [&](Shape index) {
    for (std::size_t i = 0; i < index.size(); ++i)
      if (a.shape[i] == 1) index[i] = 0;
    return index;
  });
}

inline Array concat(const std::vector<Array>& parts, int axis) {
  Shape shape = parts[0].shape;
  shape[axis] = 0;
  for (const auto& part : parts) shape[axis] += part.shape[axis];
  Array result{shape, {}};
  for (std::int64_t i = 0; i < size_of(shape); ++i) {
    Shape index = unravel(i, shape);
    std::size_t part = 0;
    while (index[axis] >= parts[part].shape[axis]) index[axis] -= parts[part++].shape[axis];
    result.data.push_back(
        parts[part].data[static_cast<std::size_t>(ravel(index, parts[part].shape))]);
  }
  return result;
}

}  // namespace tessera::workloads::oracle

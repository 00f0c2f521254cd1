// The last few moments of a recurring event.
#pragma once

#include <cstddef>
#include <vector>

#include "hw_models/array/array_plan.h"

namespace tessera::hw {

/// Ring of the newest `size` moments; before anything has happened all are `start`.
class History {
 public:
  History() = default;
  History(std::int64_t size, Time start) : moments_(static_cast<std::size_t>(size), start) {}

  std::int64_t size() const { return static_cast<std::int64_t>(moments_.size()); }

  /// The moment `ago` events back, 1 being the newest; at most the size.
  Time at(std::int64_t ago) const { return moments_[place(ago)]; }
  void push(Time moment) {
    moments_[next_] = moment;
    if (++next_ == moments_.size()) next_ = 0;
  }
  /// Makes a moment no earlier than `least`.
  void raise(std::int64_t ago, Time least) {
    Time& moment = moments_[place(ago)];
    if (moment < least) moment = least;
  }
  void shift(Time by) {
    for (Time& moment : moments_) moment += by;
  }

  /// Appends the moments relative to `base`, newest first.
  void save(Time base, std::vector<Time>& out) const {
    for (std::int64_t ago = 1; ago <= size(); ++ago) out.push_back(at(ago) - base);
  }
  /// Reads what save wrote; returns the position behind it.
  const Time* load(Time base, const Time* in) {
    next_ = 0;
    for (std::size_t i = moments_.size(); i > 0; --i) moments_[i - 1] = *in++ + base;
    return in;
  }

 private:
  std::size_t place(std::int64_t ago) const {
    const auto back = static_cast<std::size_t>(ago);
    return next_ >= back ? next_ - back : next_ + moments_.size() - back;
  }

  std::vector<Time> moments_;
  std::size_t next_ = 0;
};

}  // namespace tessera::hw

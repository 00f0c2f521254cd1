#include "sim/trace/event_order.h"

#include <algorithm>

namespace tessera::sim {

void EventOrder::advance(Cycle now) {
  while (!present_.empty() || !later_.empty()) {
    const Cycle cycle = present_.empty() ? later_.top().cycle : now_;
    if (cycle >= now) break;
    for (; !later_.empty() && later_.top().cycle == cycle; later_.pop())
      present_.push_back(later_.top());
    if (present_.size() > 1) std::sort(present_.begin(), present_.end());
    for (const auto& event : present_) sink_.add(event);
    present_.clear();
  }
  now_ = now;
}

}  // namespace tessera::sim
